//go:build unix

package rawefd

import "syscall"

// HasDoorbell reports whether a Doorbell can be made on this system, and C threads can
// signal through it.
const HasDoorbell = SharedAtomics

// A Doorbell is a descriptor that a signaler writes to, without ever blocking, to
// wake the one goroutine that waits. What was written means nothing. It stays open
// for as long as the process lives, so no signaler can come too late for it.
type Doorbell struct {
	Polled      // what the goroutine waits on
	number int  // what signalers write to
	pipe   bool // number is another descriptor than the one waited on
	drains bool // each wake-up has to read the latter empty
	reads  int
}

// NewDoorbell opens the doorbell. It needs room for a few descriptors.
func NewDoorbell() (d *Doorbell, err error) {
	Elsewhere(func() { d, err = openDoorbell() })
	return d, err
}

// Close closes a doorbell that no signaler knows.
func (d *Doorbell) Close() {
	owned.remove(d.number) // before the number can mean another file
	if d.pipe {
		syscall.Close(d.number)
	}
	d.Polled.Close()
}

// Number returns the descriptor that signallers write 8 bytes to.
func (d *Doorbell) Number() int { return d.number }

// Empty is called by the waiting goroutine before it looks for what was rung, so that
// what is written later makes another edge.
func (d *Doorbell) Empty() {
	if d.drains {
		drain(d.reads)
	}
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
