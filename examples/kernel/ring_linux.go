package main

import (
	"os"
	"strings"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A ring is an io_uring instance: a queue of requests (SQ), which we fill and the
// kernel empties, and one of completions (CQ), which the kernel fills and we
// empty.
//
// All of it is memory of the kernel that mmap(2) shows here. It is outside Go's
// heap, so the garbage collector neither moves nor frees it, and there is
// nothing to pin. (The buffers of a read or write would have to be.)
type ring struct {
	fd       int
	params   ringParams
	memory   [][]byte // what munmap takes back
	requests queue
	sqes     []sqe
	done     queue
	cqes     []cqe
	overflow *atomic.Uint32 // completions that found no room
}

// A queue is the two ends of a ring: who puts in moves tail, who takes out moves
// head. Both only ever grow, and wrap at 2^32; head&mask is a place in the array.
//
// Nobody locks. An entry is written before the tail that shows it, and read before
// the head that gives its place away. So a store to either must not come
// before the reads and writes that precede it in the program, nor a load after
// those that follow: the kernel uses smp_store_release and smp_load_acquire.
// sync/atomic promises more (one order that all agree on), with the CPU's own
// instructions and no lock, so the kernel need not know that the other side is Go.
type queue struct {
	head, tail *atomic.Uint32
	mask       uint32
}

// newRing makes a ring for at least size requests, and twice as many completions.
func newRing(size int) (r *ring, err error) {
	r = &ring{}
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, uintptr(size), uintptr(unsafe.Pointer(&r.params)), 0)
	if errno != 0 {
		return nil, setupError(errno)
	}
	r.fd = int(fd) // close-on-exec already
	if err := r.mapAll(); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// setupError tells whether it is the administrator who refuses.
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
	// Requests are found through an array of their numbers. Ours stay in order.
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

// register has completions signalled to an eventfd. A ring has one at most.
func (r *ring) register(eventfd int) error {
	fd := int32(eventfd)
	_, _, errno := unix.Syscall6(unix.SYS_IO_URING_REGISTER, uintptr(r.fd), ioringRegisterEventfd,
		uintptr(unsafe.Pointer(&fd)), 1, 0, 0)
	return callError("io_uring_register", errno)
}

// close ends the ring. No request of ours is in flight then, or none that has a
// buffer.
func (r *ring) close() error {
	for _, memory := range r.memory {
		unix.Munmap(memory)
	}
	return os.NewSyscallError("close", unix.Close(r.fd))
}
