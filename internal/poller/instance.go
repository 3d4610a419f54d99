package poller

import (
	"runtime"
	"sync/atomic"

	"github.com/eventchan/eventchan/internal/rawefd"
)

// An Instance is an epoll instance that is registered directly with the poller of Go's
// runtime, without another instance in between, because the kernel allows five times as many
// wake-up paths from one file through two instances as through three.
type Instance struct {
	rawefd.Epoll
	rawefd.Polled // owns the descriptor of Epoll
}

// NewInstance opens an Instance, which has no goroutine yet.
func NewInstance() (in *Instance, err error) {
	rawefd.Elsewhere(func() { in, err = newInstance() })
	return in, err
}

func newInstance() (*Instance, error) {
	if err := rawefd.StartPolling(); err != nil {
		return nil, err
	}
	epoll, err := rawefd.NewEpoll()
	if err != nil {
		return nil, err
	}
	file, err := epoll.File()
	if err != nil {
		return nil, err
	}
	polled, err := rawefd.NewPolled(file)
	if err != nil {
		return nil, err
	}
	return &Instance{epoll, polled}, nil
}

// ending is the number of instances that are not needed any more and are not closed yet, because
// their goroutines close them. A program that registers and closes again and again could use up its
// descriptors that way, in particular if those goroutines do not run.
var ending atomic.Int32

const mostEnding = 8

// end counts the instance in ending until it is closed.
func (in *Instance) end() {
	ending.Add(1)
	in.Closed = func() { ending.Add(-1) }
}

// yieldToEnds is called before new instances are opened. It yields to the goroutines of those that
// are ending while there are more than mostEnding. The caller holds neither borrowed nor mu, nor
// any other lock that these goroutines need. See register about the lock of an owner of a Source.
func yieldToEnds() {
	for ending.Load() > mostEnding {
		runtime.Gosched()
	}
}

// Close closes the instance. No goroutine can be in Read, because Close would wait for it.
func (in *Instance) Close() { in.Polled.Close() }

// serve is the goroutine of an instance that has one. It calls look after each edge until
// Interrupt, and then closes the instance itself, because it can be look that has called
// Interrupt.
func (in *Instance) serve(look func()) {
	defer in.Close()
	in.Read(func(uintptr) bool { look(); return false })
}
