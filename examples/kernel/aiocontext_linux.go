package main

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// From <linux/aio_abi.h>.
const (
	iocbCmdPread  = 0
	iocbCmdPoll   = 5
	iocbFlagResfd = 1 // resfd is an eventfd to signal when the request is complete
)

// An iocb is a request of Linux AIO, struct iocb. It is the same on 32-bit and 64-bit systems,
// in the machine's byte order. Only the two words after data, aio_key and aio_rw_flags, change
// places on big-endian machines; they have no names here because both stay 0.
type iocb struct {
	data   uint64 // the caller's; comes back in the event
	_, _   uint32
	opcode uint16
	_      int16 // aio_reqprio
	fildes uint32
	buf    uint64 // an address, or for iocbCmdPoll a set of poll(2) events
	nbytes uint64
	offset int64
	_      uint64 // aio_reserved2
	flags  uint32
	resfd  uint32
}

// An ioEvent is a completion, struct io_event.
type ioEvent struct {
	data uint64 // of the iocb
	obj  uint64 // the iocb's address
	res  int64  // as the result of the system call; negative for an errno
	res2 int64
}

// The compiler checks these sizes, which are the kernel's, on every architecture.
var (
	_ [64]struct{} = [unsafe.Sizeof(iocb{})]struct{}{}
	_ [32]struct{} = [unsafe.Sizeof(ioEvent{})]struct{}{}
)

// An aioContext is a queue of requests and a ring of events in the kernel,
// aio_context_t. It is not a descriptor; until destroy it appears as "/[aio]" in
// /proc/self/maps.
type aioContext uintptr

// newAIOContext returns a context for size requests that are in flight, or complete
// but with an event that was not taken yet.
func newAIOContext(size int) (aioContext, error) {
	var c aioContext
	_, _, errno := unix.Syscall(unix.SYS_IO_SETUP, uintptr(size), uintptr(unsafe.Pointer(&c)), 0)
	if errno == unix.EAGAIN {
		return 0, refusal("io_setup", errno, "the sysctl fs.aio-max-nr leaves no room")
	}
	return c, callError("io_setup", errno)
}

// submit starts the requests. When it returns, the kernel has copied them, so an
// iocb can be reused immediately, but not the memory to which its buf points.
//
// The kernel wants an array of pointers, which a slice of Go pointers is. By
// the rule for system calls in package unsafe it stays in its place during the call.
// What it points to also stays, because Go's heap does not move.
func (c aioContext) submit(requests []*iocb) error {
	for len(requests) > 0 {
		n, _, errno := unix.Syscall(unix.SYS_IO_SUBMIT, uintptr(c),
			uintptr(len(requests)), uintptr(unsafe.Pointer(&requests[0])))
		if errno != 0 {
			return callError("io_submit", errno)
		}
		requests = requests[n:] // the kernel stops before the first request that it cannot take
	}
	return nil
}

// take takes the events that count signals have announced. It never waits, because an event
// is in the ring before its signal is in the eventfd.
func (c aioContext) take(into []ioEvent, count uint64) ([]ioEvent, error) {
	if count < 1 || count > uint64(len(into)) {
		return nil, fmt.Errorf("the eventfd counted %d, and %d requests are in flight", count, len(into))
	}
	const least = 0
	n, _, errno := unix.Syscall6(unix.SYS_IO_GETEVENTS, uintptr(c), least,
		uintptr(count), uintptr(unsafe.Pointer(&into[0])), 0, 0)
	if errno != 0 {
		return nil, callError("io_getevents", errno)
	}
	if uint64(n) != count {
		return nil, fmt.Errorf("the eventfd counted %d, and the ring has %d events", count, n)
	}
	return into[:count], nil
}

// destroy cancels the requests that can be canceled, waits for the others and frees the
// context. After it the kernel does not write to any buffer.
func (c aioContext) destroy() error {
	_, _, errno := unix.Syscall(unix.SYS_IO_DESTROY, uintptr(c), 0, 0)
	return callError("io_destroy", errno)
}
