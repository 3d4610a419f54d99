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
	"encoding/binary"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	// Go's cache does not see the header in another folder. It sees when this
	// package, which compiles all of it, has changed.
	_ "github.com/eventchan/eventchan/bridge/callback"
)

// callee is what the callback calls: a variable and no cgo.Handle, whose look-up
// would be held against the callback.
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

// A Sweep is a number of C threads. Each time that Next is called, every thread
// signals through its part of the lines, one after the other.
type Sweep struct {
	gates   []int
	threads []*Thread
}

// StartSweep starts the threads, which end after the given number of calls of Next.
func StartSweep(lines []Line, threads, times int) (*Sweep, error) {
	s := new(Sweep)
	for i := range threads {
		gate, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
		if err != nil {
			return nil, os.NewSyscallError("eventfd2", err)
		}
		s.gates = append(s.gates, gate)
		part := lines[i*len(lines)/threads : (i+1)*len(lines)/threads]
		list := (*C.struct_line)(C.calloc(C.size_t(len(part)+1), C.sizeof_struct_line))
		for k, l := range part {
			unsafe.Slice(list, len(part))[k] = l.c()
		}
		t, err := start(C.SWEEP, C.struct_job{
			lines: list, nlines: C.int(len(part)), in: C.int(gate), n: C.uint64_t(times)})
		if err != nil {
			return nil, err
		}
		s.threads = append(s.threads, t)
	}
	return s, nil
}

// Next lets each thread signal through its lines once more.
func (s *Sweep) Next() {
	one := [8]byte{}
	binary.NativeEndian.PutUint64(one[:], 1)
	for _, gate := range s.gates {
		if _, err := unix.Write(gate, one[:]); err != nil {
			panic(err)
		}
	}
}

// Join waits until the threads have ended. To be called once.
func (s *Sweep) Join() (err error) {
	for i, t := range s.threads {
		if _, failed := t.Join(); failed != nil {
			err = failed
		}
		unix.Close(s.gates[i])
	}
	return err
}

// FanIn times an epoll loop in C, which runs in this thread and reads all eventfds
// the given number of times. Each time the threads write to every eventfd once. A
// first time, which warms up, is not in the sum of what was read, nor in ns.
func FanIn(fds []int, threads, times int) (sum uint64, ns int64, err error) {
	lines, numbers := make([]Line, len(fds)), make([]C.int, len(fds))
	for i, fd := range fds {
		lines[i], numbers[i] = Write(fd), C.int(fd)
	}
	s, err := StartSweep(lines, threads, times+1)
	if err != nil {
		return 0, 0, err
	}
	gates := make([]C.int, threads)
	for i, gate := range s.gates {
		gates[i] = C.int(gate)
	}
	var read C.uint64_t
	ns, err = checked(C.peer_fan_in(&numbers[0], C.int(len(fds)), &gates[0], C.int(threads), C.uint64_t(times), &read))
	if err != nil {
		return 0, 0, err // which ends the run, and the threads with it
	}
	return uint64(read), ns, s.Join()
}

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

// A Board is where threads find the handles that they signal or send through.
type Board struct{ board *C.struct_board }

// NewBoard returns an empty Board of n places, or nil without cgo.
func NewBoard(n int) *Board {
	b := (*C.struct_board)(C.calloc(1, C.sizeof_struct_board))
	b.handles = (*unsafe.Pointer)(C.calloc(C.size_t(n), C.size_t(unsafe.Sizeof(uintptr(0)))))
	b.n = C.uint32_t(n)
	return &Board{b}
}

// Put puts a handle in the place of another one, which threads may still use.
func (b *Board) Put(place int, handle unsafe.Pointer) {
	C.peer_put(b.board, C.uint32_t(place), handle)
}

// Signal starts a thread that signals until Stop, through handles on the Board, in
// bursts and one by one, and through those that were there before.
func (b *Board) Signal(seed int) (*Thread, error) {
	return start(C.ENDURE, C.struct_job{board: b.board, n: C.uint64_t(seed)})
}

// Stop lets all threads end.
func (b *Board) Stop() { C.peer_stop(b.board) }

// Tally is how many signals of a thread of a Board were accepted, and how many
// came after Close. To be called after Join.
func (t *Thread) Tally() (accepted, late uint64) { return t.accepted, t.late }

// Free frees the Board, once all threads have been joined.
func (b *Board) Free() {
	C.free(unsafe.Pointer(b.board.handles))
	C.free(unsafe.Pointer(b.board))
}

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

// FloodCondition times C threads that each signal n times to one that collects,
// through a condition variable, and returns how many signals that one got.
func FloodCondition(signallers, n int) (sum, ns int64, err error) {
	s := newShared()
	defer C.free(unsafe.Pointer(s))
	return flood(signallers, C.FLOOD_CONDITION, C.struct_job{shared: s, n: C.uint64_t(n)}, func() int64 {
		return int64(C.peer_collect(s, C.uint64_t(signallers*n)))
	})
}

// FloodEpoll is FloodCondition through an eventfd, which the one that collects
// waits for in epoll_wait(2).
func FloodEpoll(signallers, n int) (sum, ns int64, err error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return 0, 0, os.NewSyscallError("eventfd2", err)
	}
	defer unix.Close(fd)
	return flood(signallers, C.FLOOD, C.struct_job{out: Write(fd).c(), n: C.uint64_t(n)}, func() int64 {
		return int64(C.peer_collect_epoll(C.int(fd), C.uint64_t(signallers*n)))
	})
}

func flood(signallers int, loop C.enum_loop, job C.struct_job, collect func() int64) (sum, ns int64, err error) {
	begin := C.peer_now()
	threads := make([]*Thread, signallers)
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
