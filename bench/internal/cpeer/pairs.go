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

// OverEpoll times round trips between two C threads that both wait in
// epoll_wait(2).
func OverEpoll(warm, n int) ([]int64, error) { return overEventfds(C.PING_EPOLL, warm, n) }

// ReadAndEpoll is OverEpoll for a first thread that blocks in read(2), as that of
// [Ping] does.
func ReadAndEpoll(warm, n int) ([]int64, error) { return overEventfds(C.PING, warm, n) }

func overEventfds(first C.enum_loop, warm, n int) ([]int64, error) {
	var fds [2]int
	for i := range fds {
		fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
		if err != nil {
			return nil, os.NewSyscallError("eventfd2", err)
		}
		defer unix.Close(fd)
		fds[i] = fd
	}
	pong, err := start(C.PONG_EPOLL, C.struct_job{
		in: C.int(fds[0]), out: Write(fds[1]).c(), warm: C.uint64_t(warm), n: C.uint64_t(n)})
	if err != nil {
		return nil, err
	}
	ping, err := start(first, C.struct_job{
		out: Write(fds[0]).c(), in: C.int(fds[1]), warm: C.uint64_t(warm), n: C.uint64_t(n)})
	if err != nil {
		return nil, err
	}
	return joinBoth(ping, pong)
}

// OverCondition times round trips between two C threads that wake each other
// through condition variables.
func OverCondition(warm, n int) ([]int64, error) {
	s := newShared()
	defer C.free(unsafe.Pointer(s))
	job := C.struct_job{shared: s, warm: C.uint64_t(warm), n: C.uint64_t(n)}
	pong, err := start(C.PONG_CONDITION, job)
	if err != nil {
		return nil, err
	}
	ping, err := start(C.PING_CONDITION, job)
	if err != nil {
		return nil, err
	}
	return joinBoth(ping, pong)
}

func joinBoth(ping, pong *Thread) ([]int64, error) {
	ns, err := ping.Join()
	if _, second := pong.Join(); err == nil {
		err = second
	}
	return ns, err
}

// newShared relies on glibc and musl, where a mutex and a condition variable
// that are all zero are initialized.
func newShared() *C.struct_shared {
	return (*C.struct_shared)(C.calloc(1, C.sizeof_struct_shared))
}
