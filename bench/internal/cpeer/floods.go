//go:build cgo && linux

package cpeer

// #include <stdlib.h>
// #include "peer.h"
import "C"

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// FloodCondition times C threads that each signal n times to one that collects,
// through a condition variable, and returns how many signals that one got.
func FloodCondition(signalers, n int) (sum, ns int64, err error) {
	s := newShared()
	defer C.free(unsafe.Pointer(s))
	return flood(signalers, C.FLOOD_CONDITION, C.struct_job{shared: s, n: C.uint64_t(n)}, func() int64 {
		return int64(C.peer_collect(s, C.uint64_t(signalers*n)))
	})
}

// FloodEpoll is FloodCondition through an eventfd, which the one that collects
// waits for in epoll_wait(2).
func FloodEpoll(signalers, n int) (sum, ns int64, err error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return 0, 0, os.NewSyscallError("eventfd2", err)
	}
	defer unix.Close(fd)
	return flood(signalers, C.FLOOD, C.struct_job{out: Write(fd).c(), n: C.uint64_t(n)}, func() int64 {
		return int64(C.peer_collect_epoll(C.int(fd), C.uint64_t(signalers*n)))
	})
}

func flood(signalers int, loop C.enum_loop, job C.struct_job, collect func() int64) (sum, ns int64, err error) {
	begin := C.peer_now()
	threads := make([]*Thread, signalers)
	for i := range threads {
		if threads[i], err = start(loop, job); err != nil {
			return 0, 0, err
		}
	}
	sum = collect()
	ns = int64(C.peer_now() - begin)
	for _, t := range threads {
		if _, failed := t.Join(); failed != nil {
			err = failed
		}
	}
	return sum, ns, err
}
