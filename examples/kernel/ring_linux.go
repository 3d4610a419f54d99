package main

import (
	"os"
	"strings"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A ring is an io_uring instance. It has a queue of requests (SQ), which the program fills and the
// kernel empties, and a queue of completions (CQ), which the kernel fills and the program
// empties.
//
// All of it is memory of the kernel that mmap(2) maps into the process. It is outside Go's
// heap, so the garbage collector neither moves nor frees it, and there is
// nothing to pin. (The buffers of a read or write would have to be pinned.)
type ring struct {
	fd       int
	params   ringParams
	memory   [][]byte // the mappings, for munmap
	requests queue
	sqes     []sqe
	done     queue
	cqes     []cqe
	overflow *atomic.Uint32 // how many completions found no room
}

// A queue is the two ends of a ring: the side that adds entries moves tail, the other moves
// head. Both only grow, and wrap at 2^32; head&mask is an index of the array.
//
// There is no lock. An entry is written before the tail that shows it, and read before
// the head that frees its place. Therefore a store to either must not move
// before the reads and writes that precede it in the program, and a load must not move after
// those that follow it. The kernel uses smp_store_release and smp_load_acquire.
// sync/atomic promises more (a single total order), with the CPU's own
// instructions and without a lock, so it works with the kernel on the other side.
type queue struct {
	head, tail *atomic.Uint32
	mask       uint32
}

// newRing returns a ring for at least size requests and twice as many completions.
func newRing(size int) (r *ring, err error) {
	r = &ring{}
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, uintptr(size), uintptr(unsafe.Pointer(&r.params)), 0)
	if errno != 0 {
		return nil, setupError(errno)
	}
	r.fd = int(fd) // is close-on-exec
	if err := r.mapAll(); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// setupError returns an error that says whether a sysctl refuses io_uring.
func setupError(errno unix.Errno) error {
	text, _ := os.ReadFile("/proc/sys/kernel/io_uring_disabled") // since Linux 6.6
	setting := strings.TrimSpace(string(text))
	if errno == unix.EPERM && setting != "" && setting != "0" {
		return refusal("io_uring_setup", errno, "the sysctl kernel.io_uring_disabled is "+setting)
	}
	return callError("io_uring_setup", errno)
}

func (r *ring) mapAll() error {
	p := &r.params
	sq, err := r.mmap(ioringOffSQRing, p.sq.array+p.sqEntries*uint32(unsafe.Sizeof(uint32(0))))
	if err != nil {
		return err
	}
	cq, err := r.mmap(ioringOffCQRing, p.cq.cqes+p.cqEntries*uint32(unsafe.Sizeof(cqe{})))
	if err != nil {
		return err
	}
	sqes, err := r.mmap(ioringOffSQEs, p.sqEntries*uint32(unsafe.Sizeof(sqe{})))
	if err != nil {
		return err
	}
	r.requests = queue{word(sq, p.sq.head), word(sq, p.sq.tail), word(sq, p.sq.mask).Load()}
	r.done = queue{word(cq, p.cq.head), word(cq, p.cq.tail), word(cq, p.cq.mask).Load()}
	r.overflow = word(cq, p.cq.overflow)
	r.sqes = unsafe.Slice((*sqe)(unsafe.Pointer(&sqes[0])), p.sqEntries)
	r.cqes = unsafe.Slice((*cqe)(unsafe.Pointer(&cq[p.cq.cqes])), p.cqEntries)
	// The kernel finds requests through an array of their numbers, which are in order here.
	for i := range p.sqEntries {
		word(sq, p.sq.array+4*i).Store(i)
	}
	return nil
}

func (r *ring) mmap(offset int64, size uint32) ([]byte, error) {
	memory, err := unix.Mmap(r.fd, offset, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	r.memory = append(r.memory, memory)
	return memory, nil
}

func word(memory []byte, offset uint32) *atomic.Uint32 {
	return (*atomic.Uint32)(unsafe.Pointer(&memory[offset]))
}

// register makes completions signal an eventfd. A ring has at most one.
func (r *ring) register(eventfd int) error {
	fd := int32(eventfd)
	_, _, errno := unix.Syscall6(unix.SYS_IO_URING_REGISTER, uintptr(r.fd), ioringRegisterEventfd,
		uintptr(unsafe.Pointer(&fd)), 1, 0, 0)
	return callError("io_uring_register", errno)
}

// close ends the ring. Requests that are still in flight have no buffers.
func (r *ring) close() error {
	for _, memory := range r.memory {
		unix.Munmap(memory)
	}
	return os.NewSyscallError("close", unix.Close(r.fd))
}
