package poller

import "github.com/eventchan/eventchan/internal/rawefd"

// An Instance is an epoll instance that is registered with the poller of Go's runtime
// directly, not with another instance in between: the kernel allows five times as many
// paths from one file through two instances as it allows through three.
type Instance struct {
	rawefd.Epoll
	rawefd.Polled // owns Epoll
}

// NewInstance opens an Instance. No goroutine belongs to it yet.
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

// Close closes the instance. No goroutine can be in Read: Close would wait for it.
func (in *Instance) Close() { in.Polled.Close() }

// serve is the goroutine of an instance that has one: it calls look until Interrupt,
// and closes the instance itself, since the caller of Interrupt may be a look.
func (in *Instance) serve(look func()) {
	defer in.Close()
	in.Read(func(uintptr) bool { look(); return false })
}
