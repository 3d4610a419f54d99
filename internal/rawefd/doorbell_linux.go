//go:build !eventchan_pipe

package rawefd

import (
	"encoding/binary"
	"os"

	"golang.org/x/sys/unix"
)

// openDoorbell makes the doorbell an eventfd. It is never read if every write is an edge, whatever
// the count is, which saves one system call per wake-up.
func openDoorbell() (*Doorbell, error) {
	if err := StartPolling(); err != nil {
		return nil, err
	}
	num, err := eventfd2(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("eventfd2", err)
	}
	edges, err := everyWriteIsAnEdge(num)
	if err != nil {
		unix.Close(num)
		return nil, err
	}
	file, err := newPolledFile(num, "eventchan doorbell")
	if err != nil {
		return nil, err
	}
	polled, err := NewPolled(file)
	if err != nil {
		return nil, err
	}
	owned.add(num) // so that nothing adopts it
	return &Doorbell{Polled: polled, number: num, drains: !edges, reads: num}, nil
}

// everyWriteIsAnEdge reports whether an edge-triggered poller sees each write to
// the eventfd, even if it is never read. That has always been so on Linux, and mio, libuv and
// libevent rely on it; but no manual promises it, and other systems that run Linux
// programs differ. The test asks for the same events as Go's runtime.
//
// If a system call fails, that says nothing about edges: a doorbell that drains is drained
// by whichever thread the leader runs on, which on Linux can have a table of descriptors of its own.
func everyWriteIsAnEdge(fd int) (bool, error) {
	epoll, err := NewEpoll()
	if err != nil {
		return false, err
	}
	defer epoll.Close()
	if err := epoll.Add(fd, unix.EPOLLIN|unix.EPOLLOUT|unix.EPOLLRDHUP|EventEdge, 0); err != nil {
		return false, err
	}
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	var batch Batch
	epoll.Wait(&batch) // the first edge: the eventfd is writable
	for range 3 {
		if quiet, err := epoll.Wait(&batch); err != nil || len(quiet) > 0 {
			return false, err
		}
		if _, err := unix.Write(fd, one[:]); err != nil {
			return false, os.NewSyscallError("write", err)
		}
		if edge, err := epoll.Wait(&batch); err != nil || len(edge) != 1 {
			return false, err
		}
	}
	return true, nil
}
