package rawefd

import (
	"os"
	"syscall"
	"time"
)

// A Polled is a file that Go's runtime polls for the one goroutine at a time that waits
// for it. The runtime watches for edges, so Read looks before it waits, and again after
// each edge.
type Polled struct {
	file *os.File
	conn syscall.RawConn
}

// NewPolled makes file a Polled, or closes it.
func NewPolled(file *os.File) (Polled, error) {
	conn, err := file.SyscallConn()
	if err != nil {
		file.Close()
	}
	return Polled{file, conn}, err
}

// Read calls look now and after each edge, until look returns true. It returns false if
// it was interrupted before that. An edge that an interrupted Read did not wait for is
// not lost, because the next Read looks before it waits.
func (p *Polled) Read(look func(fd uintptr) (done bool)) bool { return p.conn.Read(look) == nil }

// Interrupt ends a Read that is under way, and each later one until Resume is called.
func (p *Polled) Interrupt() { p.file.SetReadDeadline(time.Unix(1, 0)) } // long past

// InterruptLater is Interrupt after a while. A second call before that replaces the
// first.
func (p *Polled) InterruptLater(after time.Duration) {
	p.file.SetReadDeadline(time.Now().Add(after))
}

// Resume takes back Interrupt.
func (p *Polled) Resume() { p.file.SetReadDeadline(time.Time{}) }

// Close closes the file. No goroutine can be in Read: Close would wait for it.
func (p *Polled) Close() { p.file.Close() }
