//go:build linux

package main

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bench/internal/cpeer"
)

// The system calls below are made as the library makes them, but without a look
// at their results: what they did is checked by the count that they leave.

var one = uint64(1)

func rawWrite(fd int) {
	unix.Syscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&one)), 8)
}

func rawRead(fd int) {
	var v struct {
		iov   unix.Iovec
		count uint64
	}
	v.iov.Base = (*byte)(unsafe.Pointer(&v.count))
	v.iov.Len = 8
	unix.RawSyscall6(unix.SYS_PREADV2, uintptr(fd), uintptr(unsafe.Pointer(&v.iov)),
		1, ^uintptr(0), ^uintptr(0), unix.RWF_NOWAIT)
}

func bareWrite(n int) (measurement, error) {
	return onEventfd(0, func(fd int) (measurement, uint64) {
		m := timed(n, func(n int) {
			for range n {
				rawWrite(fd)
			}
		})
		return m, done(n)
	})
}

func bareEmpty(n int) (measurement, error) {
	return onEventfd(0, func(fd int) (measurement, uint64) {
		return timed(n, func(n int) {
			for range n {
				rawRead(fd)
			}
		}), 0
	})
}

func barePair(n int) (measurement, error) {
	return onEventfd(0, func(fd int) (measurement, uint64) {
		return timed(n, func(n int) {
			for range n {
				rawWrite(fd)
				rawRead(fd)
			}
		}), 0
	})
}

// permits is more than any round takes.
const permits = 1 << 40

func bareTake(n int) (measurement, error) {
	return onEventfd(unix.EFD_SEMAPHORE, func(fd int) (measurement, uint64) {
		more := [8]byte{5: 1} // permits, in little endian
		unix.Write(fd, more[:])
		m := timed(n, func(n int) {
			for range n {
				rawRead(fd)
			}
		})
		return m, 1 // one permit per read is all that is left to check
	})
}

// addsInC is eventchan_add as a C thread calls it while no goroutine sleeps.
func addsInC(n int) (measurement, error) {
	object, line, err := handle.notifier()
	if err != nil {
		return measurement{}, err
	}
	defer object.Close()
	ns, err := cpeer.Adds(line, n)
	if err != nil {
		return measurement{}, err
	}
	got, _ := object.TryWait()
	return measurement{value: float64(ns) / float64(n), allocs: -1}, conserved(uint64(n), got)
}

// onEventfd measures f on an eventfd that then holds what f says.
func onEventfd(flags int, f func(fd int) (measurement, uint64)) (measurement, error) {
	fd, err := newEventfd(unix.EFD_NONBLOCK | flags)
	if err != nil {
		return measurement{}, err
	}
	defer unix.Close(fd)
	m, left := f(fd)
	got, err := take(fd)
	if left == 0 && err != nil { // EAGAIN, as it should be
		return m, nil
	}
	if err != nil {
		return m, err
	}
	return m, conserved(left, got)
}
