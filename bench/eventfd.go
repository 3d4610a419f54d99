//go:build linux

package main

import (
	"encoding/binary"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// newEventfd creates an eventfd; flags are those of eventfd2(2).
func newEventfd(flags int) (int, error) {
	fd, err := unix.Eventfd(0, flags|unix.EFD_CLOEXEC)
	return fd, os.NewSyscallError("eventfd2", err)
}

// eventfds creates n of them, non-blocking, and a function that closes them.
func eventfds(n, flags int) (fds []int, closeAll func(), err error) {
	closeAll = func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
	}
	for range n {
		fd, err := newEventfd(flags)
		if err != nil {
			closeAll()
			return nil, nil, err
		}
		fds = append(fds, fd)
	}
	return fds, closeAll, nil
}

// add writes 1 to an eventfd, as a program that has only package unix would.
func add(fd int) {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	if n, err := unix.Write(fd, one[:]); n != 8 {
		panic(fmt.Sprintf("write to an eventfd: %d bytes, %v", n, err))
	}
}

// take reads an eventfd. It waits if the descriptor is a blocking one.
func take(fd int) (uint64, error) {
	var count [8]byte
	for {
		_, err := unix.Read(fd, count[:])
		if err == unix.EINTR {
			continue
		}
		return binary.NativeEndian.Uint64(count[:]), os.NewSyscallError("read", err)
	}
}

// takeFile reads an eventfd that is an os.File.
func takeFile(f *os.File) (uint64, error) {
	var count [8]byte
	_, err := f.Read(count[:])
	return binary.NativeEndian.Uint64(count[:]), err
}
