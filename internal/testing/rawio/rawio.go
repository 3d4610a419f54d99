//go:build linux

// Package rawio signals eventfds and takes from them with plain system calls, like a program
// that does not use this library.
package rawio

import (
	"encoding/binary"
	"os"

	"golang.org/x/sys/unix"
)

// Add adds delta to an eventfd.
func Add(fd int, delta uint64) error {
	var buf [8]byte
	binary.NativeEndian.PutUint64(buf[:], delta)
	for {
		_, err := unix.Write(fd, buf[:])
		if err != unix.EINTR {
			return os.NewSyscallError("write", err)
		}
	}
}

// Take takes from an eventfd.
func Take(fd int) (uint64, error) {
	var buf [8]byte
	for {
		_, err := unix.Read(fd, buf[:])
		if err != unix.EINTR {
			return binary.NativeEndian.Uint64(buf[:]), os.NewSyscallError("read", err)
		}
	}
}
