package rawefd

import (
	"os"
	"syscall"
	"time"
)

// A Polled is a file that Go's runtime polls. One goroutine at a time waits for it. The runtime
// is edge-triggered, so Read calls look before it waits, and again after each edge.
type Polled struct {
	file *os.File
	conn syscall.RawConn

	Closed func() // if not nil, Close calls it when the file is closed
}

// NewPolled makes file a Polled, or closes it.
func NewPolled(file *os.File) (Polled, error) {
	conn, err := file.SyscallConn()
	if err != nil {
		file.Close()
	}
	return Polled{file: file, conn: conn}, err
}

// Read calls look now and after each edge, until look returns true. It returns false if
// it was interrupted before that. An edge that comes after an interrupted Read is
// not lost, because the next Read calls look before it waits.
func (p *Polled) Read(look func(fd uintptr) (done bool)) bool { return p.conn.Read(look) == nil }

// Interrupt ends a Read that is in progress, and each later one until Resume is called.
func (p *Polled) Interrupt() { p.file.SetReadDeadline(time.Unix(1, 0)) } // long past

// InterruptLater calls Interrupt after a delay. A second call before that replaces the
// first.
func (p *Polled) InterruptLater(after time.Duration) {
	p.file.SetReadDeadline(time.Now().Add(after))
}

// Resume undoes Interrupt.
func (p *Polled) Resume() { p.file.SetReadDeadline(time.Time{}) }

// Close closes the file. No goroutine can be in Read, because Close would wait for it. A leader
// calls it, too, whose thread can have descriptors of its own.
func (p *Polled) Close() {
	Elsewhere(func() { p.file.Close() })
	if p.Closed != nil {
		p.Closed()
	}
}
