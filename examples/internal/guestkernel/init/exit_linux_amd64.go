package main

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// exitStatus ends QEMU with a status. If a byte v is written to the port of its device
// isa-debug-exit, QEMU exits with status 2v+1. If the kernel panics or is powered off, QEMU exits
// with status 0, which no v gives, so such a machine never counts as passed.
func exitStatus(passed bool) error {
	const port, good, bad = 0xf4, 0x10, 0x11
	runtime.LockOSThread() // the permission for a port belongs to the thread
	if err := unix.Ioperm(port, 1, 1); err != nil {
		return err
	}
	if passed {
		outb(port, good)
	}
	outb(port, bad)
	return nil
}

// outb writes a byte to an I/O port, which Go itself cannot do. Debian's kernels have no /dev/port.
func outb(port uint16, value uint8)
