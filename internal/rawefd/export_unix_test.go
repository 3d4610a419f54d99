//go:build unix

package rawefd

import (
	"encoding/binary"
	"syscall"
)

// Ring writes to the descriptor, as a signaler does.
func (d *Doorbell) Ring() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	retrying("write", d.number, 0, func() error {
		_, err := syscall.Write(d.number, one[:])
		return err
	})
}

// Descriptors returns the descriptors of the doorbell.
func (d *Doorbell) Descriptors() (fds []int) {
	d.conn.Control(func(fd uintptr) { fds = append(fds, int(fd)) })
	if d.pipe {
		fds = append(fds, d.number)
	}
	return fds
}

// Drains reports whether each wake-up drains the descriptor.
func (d *Doorbell) Drains() bool { return d.drains }

// Drain makes each wake-up drain the descriptor, as on a system where a write
// to a descriptor that is already readable is not an edge.
func (d *Doorbell) Drain() { d.drains = true }
