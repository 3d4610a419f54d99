package poller

import (
	"runtime"
	"slices"
)

// A Watchful is somebody who expects more soon, and would rather look a number
// of times than sleep and have a C thread enter the kernel to wake him.
type Watchful interface {
	// Look is called by the poller goroutine, in turns with all other goroutines,
	// until it returns false. It must not block.
	Look() bool
}

// StayAwake has w.Look called from now on. It is to be called by Ready, on an
// event of s.
func (s *Source) StayAwake(w Watchful) {
	s.reg.loop.awake = append(s.reg.loop.awake, w)
}

// turns is how many times those who stay awake look before the poller looks for
// events of others, which is a system call.
const turns = 16

// stayAwake reports whether there is anybody who stays awake.
func (l *loop) stayAwake() bool {
	for i := 0; i < turns && len(l.awake) > 0; i++ {
		runtime.Gosched()
		l.awake = slices.DeleteFunc(l.awake, func(w Watchful) bool { return !w.Look() })
	}
	return len(l.awake) > 0
}
