package rawefd

import (
	"encoding/binary"
	"sync"

	"golang.org/x/sys/unix"
)

// NestedEdges reports whether an edge-triggered poller of an epoll instance sees each
// write to an eventfd in that instance, even if no event is ever fetched from the instance.
// That has always been so on Linux; it is not so on gVisor, and no manual promises it.
var NestedEdges = sync.OnceValue(nestedEdges)

func nestedEdges() bool {
	inner, err := NewEpoll()
	if err != nil {
		return false
	}
	defer inner.Close()
	outer, err := NewEpoll()
	if err != nil {
		return false
	}
	defer outer.Close()
	fd, err := eventfd2(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	if inner.Add(fd, EventIn|EventEdge, 0) != nil || outer.Add(int(inner), EventIn|EventEdge, 0) != nil {
		return false
	}
	var count [8]byte
	binary.NativeEndian.PutUint64(count[:], 1)
	var batch Batch
	for range 3 {
		if quiet, err := outer.Wait(&batch); err != nil || len(quiet) > 0 {
			return false
		}
		if _, err := unix.Write(fd, count[:]); err != nil {
			return false
		}
		if edge, err := outer.Wait(&batch); err != nil || len(edge) != 1 {
			return false
		}
		if _, err := unix.Read(fd, count[:]); err != nil {
			return false
		}
	}
	return true
}
