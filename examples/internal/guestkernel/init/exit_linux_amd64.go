package main

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// exitStatus ends QEMU with a status. Its device isa-debug-exit makes 2v+1 of a byte v written to its port. A kernel
// that panics or is powered off gives status 0, which no v does, so a machine that died is never taken for one
// that passed.
func exitStatus(passed bool) error {
	const port, good, bad = 0xf4, 0x10, 0x11
	runtime.LockOSThread() // permission for a port is the thread's
	if err := unix.Ioperm(port, 1, 1); err != nil {
		return err
	}
	if passed {
		outb(port, good)
	}
	outb(port, bad)
	return nil
}

// outb writes a byte to an I/O port, for which Go has no word. Debian's kernels have no /dev/port.
func outb(port uint16, value uint8)
