//go:build cgo && linux

package cpeer

/*
#cgo CFLAGS: -O2 -I${SRCDIR}/../../../bridge/callback
#cgo LDFLAGS: -pthread
#include <stdlib.h>
#include "peer.h"
*/
import "C"

import (
	"os"
	"syscall"
	"unsafe"

	// Go's cache does not see the header in another folder. It sees when this
	// package, which compiles all of it, has changed.
	_ "github.com/eventchan/eventchan/bridge/callback"
)

// callee is what the callback calls: a variable and not a cgo.Handle, whose look-up
// would count against the callback.
var callee func()

// SetCallee sets what threads with out < 0 call. None may be running.
func SetCallee(f func()) { callee = f }

//export eventchanBenchCallback
func eventchanBenchCallback() { callee() }

// A Thread is a C thread that was started and not joined yet.
type Thread struct {
	job            *C.struct_job
	busy           int64
	accepted, late uint64
	refused        uint64
	squares        uint64
}

// Ping starts a thread that signals and blocks in read(2) of the eventfd in
// until it is answered, warm times and then n times.
func Ping(out Line, in, warm, n int) (*Thread, error) {
	return start(C.PING, C.struct_job{out: out.c(), in: C.int(in), warm: C.uint64_t(warm), n: C.uint64_t(n)})
}

// Flood starts a thread that signals n times, as Ping does, without waiting.
func Flood(out Line, n int) (*Thread, error) {
	return start(C.FLOOD, C.struct_job{out: out.c(), n: C.uint64_t(n)})
}

// Paced starts a thread that signals n times, every gap nanoseconds. Join returns
// how long each signal took.
func Paced(out Line, gap int64, n int) (*Thread, error) {
	return start(C.PACED, C.struct_job{out: out.c(), gap: C.int64_t(gap), n: C.uint64_t(n)})
}

// Busy is how many nanoseconds of CPU a thread of Paced took. To be called after
// Join.
func (t *Thread) Busy() int64 { return t.busy }

func (l Line) c() C.struct_line {
	return C.struct_line{handle: l.Handle, queue: l.Queue, fd: C.int(l.FD)}
}

func start(loop C.enum_loop, job C.struct_job) (*Thread, error) {
	j := (*C.struct_job)(C.malloc(C.sizeof_struct_job))
	*j = job
	switch loop {
	case C.PING, C.PING_EPOLL, C.PING_CONDITION, C.PACED:
		j.ns = (*C.int64_t)(C.calloc(C.size_t(j.n), C.sizeof_int64_t))
	}
	if errno := C.peer_start(j, loop); errno != 0 {
		free(j)
		return nil, os.NewSyscallError("pthread_create", syscall.Errno(errno))
	}
	return &Thread{job: j}, nil
}

func free(j *C.struct_job) {
	C.free(unsafe.Pointer(j.ns))
	C.free(unsafe.Pointer(j.lines))
	C.free(unsafe.Pointer(j.sizes))
	C.free(unsafe.Pointer(j))
}

// Join waits until the thread has ended and returns how many nanoseconds each
// round trip of a Ping took, or each signal of a Paced. To be called once.
func (t *Thread) Join() ([]int64, error) {
	defer free(t.job)
	C.peer_join(t.job)
	t.busy = int64(t.job.busy)
	t.accepted, t.late = uint64(t.job.accepted), uint64(t.job.late)
	t.refused, t.squares = uint64(t.job.refused), uint64(t.job.squares)
	if t.job.error != 0 {
		return nil, os.NewSyscallError("a C thread's read or write", syscall.Errno(t.job.error))
	}
	if t.job.ns == nil {
		return nil, nil
	}
	ns := make([]int64, t.job.n)
	for i, v := range unsafe.Slice(t.job.ns, t.job.n) {
		ns[i] = int64(v)
	}
	return ns, nil
}

// Adds times n signals in C, in this thread.
func Adds(out Line, n int) (ns int64, err error) {
	return checked(C.peer_adds(out.c(), C.uint64_t(n)))
}

// Pairs times n times write(2) and read(2) of the eventfd fd in C.
func Pairs(fd, n int) (ns int64, err error) {
	return checked(C.peer_pairs(C.int(fd), C.uint64_t(n)))
}

// Opens times n times eventfd(2) and close(2) in C.
func Opens(n int) (ns int64, err error) {
	return checked(C.peer_opens(C.uint64_t(n)))
}

func checked(ns C.int64_t) (int64, error) {
	if ns < 0 {
		return 0, syscall.Errno(-ns)
	}
	return int64(ns), nil
}
