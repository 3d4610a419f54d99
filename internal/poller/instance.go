package poller

import "github.com/eventchan/eventchan/internal/rawefd"

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

// Close closes the instance. No goroutine can be in Read, because Close would wait for it.
func (in *Instance) Close() { in.Polled.Close() }

// serve is the goroutine of an instance that has one. It calls look after each edge until
// Interrupt, and then closes the instance itself, because it can be look that has called
// Interrupt.
func (in *Instance) serve(look func()) {
	defer in.Close()
	in.Read(func(uintptr) bool { look(); return false })
}
