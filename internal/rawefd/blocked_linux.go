package rawefd

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A lock-free Add does not poll before it writes, which would cost a system call
// each time. If another holder of the eventfd has cleared O_NONBLOCK and filled the
// counter, that one call blocks, in a full system call, and Close has to end it.

// blockedDelay is how long Close lets calls in progress go on before it checks whether one of
// them blocks.
const blockedDelay = 10 * time.Millisecond

// endBlocked is called by Close, between Use and Done, if other calls are in progress. It starts
// a goroutine that makes room in the eventfd whenever one of these calls blocks, by taking the
// count. The goroutine checks that with a duplicate of the descriptor and without a Use, which
// would delay the end of f.
func (f *FD) endBlocked() {
	dup, err := fcntl(int(f.num), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return
	}
	go func() {
		defer unix.Close(dup)
		for pause(blockedDelay); f.state.Load()&gone == 0; pause(blockedDelay) {
			if fullAndBlocking(dup) {
				f.makeRoom()
			}
		}
	}()
}

// fullAndBlocking reports whether a write would block now.
func fullAndBlocking(num int) bool {
	flags, err := fcntl(num, unix.F_GETFL, 0)
	if err != nil || flags&unix.O_NONBLOCK != 0 {
		return false
	}
	there, err := Poll(num, unix.POLLOUT)
	return err == nil && there&unix.POLLOUT == 0
}

// makeRoom takes the count. It counts as a use, so that f ends after it and Taken returns the
// count.
func (f *FD) makeRoom() {
	if f.state.Add(1)&gone != 0 { // a use that is allowed after Close
		f.state.Add(^uint64(0))
		return
	}
	if count, _ := f.Take(); count > 0 {
		taken.Store(f, count+f.Taken())
	}
	f.Done()
}

// taken maps an FD to the count that was taken to make room. It is a map and not a field of FD,
// because that almost never happens.
var taken sync.Map

// Taken returns the count that was taken to make room and that no Take has returned. A second
// call returns 0. The function that is passed to Close calls it.
func (f *FD) Taken() uint64 {
	if count, ok := taken.LoadAndDelete(f); ok {
		return count.(uint64)
	}
	return 0
}

// pause sleeps. If the runtime's poller is not running, it does not use a timer, which would
// start that poller: there might be no descriptors left for it.
func pause(d time.Duration) {
	if polled.Load() {
		time.Sleep(d)
	} else {
		Nap(d)
	}
}
