//go:build !eventchan_pipe

package rawefd

import (
	"golang.org/x/sys/unix"
)

// openDoorbell makes the doorbell an eventfd, which is not read where a write
// makes an edge whatever the count is. So a wake-up costs one system call less.
func openDoorbell() (*Doorbell, error) {
	fd, err := New(0, false)
	if err != nil {
		return nil, err
	}
	drains := !everyWriteIsAnEdge(fd.num)
	file, err := newPolledFile(fd.num, "eventchan doorbell")
	if err != nil {
		return nil, err
	}
	return &Doorbell{file: file, number: fd.num, drains: drains}, nil
}

// everyWriteIsAnEdge reports whether an edge-triggered poller sees each write to
// the eventfd, though nobody reads it. Linux has always been so, and mio, libuv and
// libevent rely on it; but no manual promises it, and other systems that run Linux
// programs differ. It asks for the events that Go's runtime asks for.
func everyWriteIsAnEdge(fd int) bool {
	epoll, err := NewEpoll()
	if err != nil {
		return false
	}
	defer epoll.Close()
	if epoll.Add(fd, unix.EPOLLIN|unix.EPOLLOUT|unix.EPOLLRDHUP|EventEdge, 0) != nil {
		return false
	}
	var batch Batch
	epoll.Wait(&batch) // it can be written to
	f := FD{num: fd}
	for range 3 {
		if quiet, err := epoll.Wait(&batch); err != nil || len(quiet) > 0 {
			return false
		}
		if f.Add(1) != nil {
			return false
		}
		if edge, err := epoll.Wait(&batch); err != nil || len(edge) != 1 {
			return false
		}
	}
	return true
}
