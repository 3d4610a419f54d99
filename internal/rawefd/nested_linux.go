package rawefd

import (
	"encoding/binary"
	"sync"

	"golang.org/x/sys/unix"
)

// nested is what NestedEdges has found out.
var nested struct {
	sync.Mutex
	edges, known bool
}

// NestedEdges reports whether an edge-triggered poller of an epoll instance sees each
// write to an eventfd in that instance, even if no event is ever fetched from the instance.
// That has always been so on Linux; it is not so on gVisor, and no manual promises it. If a
// system call fails, NestedEdges returns false, and the next call tries again.
func NestedEdges() bool {
	nested.Lock()
	defer nested.Unlock()
	if !nested.known {
		edges, err := nestedEdges()
		nested.edges, nested.known = edges, err == nil
	}
	return nested.edges
}

func nestedEdges() (edges bool, err error) {
	inner, err := NewEpoll()
	if err != nil {
		return false, err
	}
	defer inner.Close()
	outer, err := NewEpoll()
	if err != nil {
		return false, err
	}
	defer outer.Close()
	fd, err := eventfd2(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	if err := inner.Add(fd, EventIn|EventEdge, 0); err != nil {
		return false, err
	}
	if err := outer.Add(int(inner), EventIn|EventEdge, 0); err != nil {
		return false, err
	}
	var count [8]byte
	binary.NativeEndian.PutUint64(count[:], 1)
	var batch Batch
	for range 3 {
		if quiet, err := outer.Wait(&batch); err != nil || len(quiet) > 0 {
			return false, err
		}
		if _, err := unix.Write(fd, count[:]); err != nil {
			return false, err
		}
		if edge, err := outer.Wait(&batch); err != nil || len(edge) != 1 {
			return false, err
		}
		if _, err := unix.Read(fd, count[:]); err != nil {
			return false, err
		}
	}
	return true, nil
}
