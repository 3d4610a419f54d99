//go:build unix

package rawefd

import (
	"os"
	"syscall"
	"time"
)

// HasDoorbell reports whether a Doorbell can be made on this system, and C threads can
// signal through it.
const HasDoorbell = SharedAtomics

// A Doorbell is a descriptor that a signaler writes to, without ever blocking, to
// wake the one goroutine that waits. What was written means nothing. It stays open
// for as long as the process lives, so no signaler can come too late for it.
type Doorbell struct {
	file   *os.File // what the goroutine waits on; owns its descriptor
	conn   syscall.RawConn
	number int  // what signalers write to
	pipe   bool // number is another descriptor than file's
	drains bool // each wake-up has to read the descriptor empty
}

// NewDoorbell opens the doorbell. It needs room for a few descriptors.
func NewDoorbell() (d *Doorbell, err error) {
	Elsewhere(func() {
		if d, err = openDoorbell(); err == nil {
			d.conn, err = d.file.SyscallConn()
		}
	})
	return d, err
}

// Close closes a doorbell that no signaler knows.
func (d *Doorbell) Close() {
	owned.remove(d.number) // before the number can mean another file
	if d.pipe {
		syscall.Close(d.number)
	}
	d.file.Close()
}

// Number returns the descriptor that signallers write 8 bytes to.
func (d *Doorbell) Number() int { return d.number }

// WakeLater has awake called after d, though nothing rings, or earlier. A second call
// before that replaces the first.
func (d *Doorbell) WakeLater(after time.Duration) {
	d.file.SetReadDeadline(time.Now().Add(after))
}

// Wait calls awake, and again each time that the doorbell was rung since the last
// call began, until awake returns true. What was rung before Wait is covered by
// the first call, for which it does not wait.
//
// The edge of a ring during awake is kept by Go's runtime, and the descriptor is
// read before awake is called, so that what is written later makes another edge.
func (d *Doorbell) Wait(awake func() (done bool)) {
	for d.wait(awake) != nil { // the time of WakeLater has come
		d.file.SetReadDeadline(time.Time{})
	}
}

// wait returns nil once awake has returned true.
func (d *Doorbell) wait(awake func() (done bool)) error {
	return d.conn.Read(func(fd uintptr) bool {
		if d.drains {
			drain(int(fd))
		}
		return awake()
	})
}

// drain reads a non-blocking descriptor empty.
func drain(fd int) {
	var buf [512]byte
	for n := len(buf); n == len(buf); {
		err := retrying("read", fd, 0, func() (err error) {
			n, err = syscall.Read(fd, buf[:])
			return err
		})
		if err != nil {
			return
		}
	}
}
