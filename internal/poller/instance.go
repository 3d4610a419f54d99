package poller

import (
	"os"
	"syscall"
	"time"

	"github.com/eventchan/eventchan/internal/rawefd"
)

// An Instance is an epoll instance that is registered with the poller of Go's runtime
// directly, not with another instance in between: the kernel allows five times as many
// paths from one file through two instances as it allows through three.
//
// The runtime watches for edges, so Read looks before it waits, and again after each
// edge.
type Instance struct {
	rawefd.Epoll
	file *os.File // owns Epoll
	conn syscall.RawConn
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
	conn, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return nil, err
	}
	return &Instance{epoll, file, conn}, nil
}

// Read calls look now and after each edge, until look returns true or Interrupt is
// called. One goroutine at a time may be in it. The caller looks again before it goes to
// sleep in another Read, so an edge that an interrupted Read did not wait for is not
// lost.
func (in *Instance) Read(look func() bool) {
	in.conn.Read(func(uintptr) bool { return look() })
}

// Interrupt ends a Read that is under way, and each later one until Resume is called.
func (in *Instance) Interrupt() { in.file.SetReadDeadline(time.Unix(1, 0)) } // long past

// Resume takes back Interrupt.
func (in *Instance) Resume() { in.file.SetReadDeadline(time.Time{}) }

// Close closes the instance. No goroutine may be in Read: Close would wait for it.
func (in *Instance) Close() { in.file.Close() }

// serve is the goroutine of an instance that has one: it calls look until Interrupt,
// and closes the instance itself, since the caller of Interrupt may be a look.
func (in *Instance) serve(look func()) {
	defer in.Close()
	in.Read(func() bool { look(); return false })
}
