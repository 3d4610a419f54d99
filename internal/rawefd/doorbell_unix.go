//go:build unix

package rawefd

import "syscall"

// HasDoorbell reports whether a Doorbell can be made on this system and C threads can
// signal through it.
const HasDoorbell = SharedAtomics

// A Doorbell is a descriptor that a signaler writes to, without ever blocking, to
// wake the one goroutine that waits. The bytes have no meaning. The library's doorbell stays
// open as long as the process lives, so that a late signaler never writes to a closed one.
type Doorbell struct {
	Polled      // the goroutine waits on it
	number int  // the descriptor to which signalers write
	pipe   bool // number and reads are two descriptors
	drains bool // each wake-up must drain reads
	reads  int  // the descriptor of Polled
}

// NewDoorbell opens a doorbell. It fails unless a few more descriptors can be opened.
func NewDoorbell() (d *Doorbell, err error) {
	Elsewhere(func() { d, err = openDoorbell() })
	return d, err
}

// Close closes a doorbell. No signaler must know its number.
func (d *Doorbell) Close() {
	owned.remove(d.number) // before the number can refer to another file
	if d.pipe {
		syscall.Close(d.number)
	}
	d.Polled.Close()
}

// Number returns the descriptor to which signalers write 8 bytes.
func (d *Doorbell) Number() int { return d.number }

// Empty is called by the waiting goroutine before it handles the rings, so that a later write
// causes another edge.
func (d *Doorbell) Empty() {
	if d.drains {
		drain(d.reads)
	}
}

// drain reads from a non-blocking descriptor until it is empty.
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
