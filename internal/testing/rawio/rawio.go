//go:build linux

// Package rawio signals eventfds and takes from them with plain system calls, like a program
// that does not use this library.
package rawio

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"

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

// InWrite reports whether a thread of this process is in write(2) to fd. It needs /proc/self/syscall.
func InWrite(fd int) bool {
	call := fmt.Sprintf("%d %#x ", unix.SYS_WRITE, fd)
	tasks, _ := os.ReadDir("/proc/self/task")
	for _, task := range tasks {
		text, _ := os.ReadFile("/proc/self/task/" + task.Name() + "/syscall")
		if strings.HasPrefix(string(text), call) {
			return true
		}
	}
	return false
}
