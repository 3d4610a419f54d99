package main

import "unsafe"

// From <linux/io_uring.h>. All fields have fixed sizes and the machine's
// byte order, on 32-bit and 64-bit systems.
const (
	ioringOffSQRing       = 0
	ioringOffCQRing       = 0x8000000
	ioringOffSQEs         = 0x10000000
	ioringOpNop           = 0
	ioringRegisterEventfd = 4
)

// A ringParams is struct io_uring_params: the options for io_uring_setup, which
// are all 0 here, and its results.
type ringParams struct {
	sqEntries, cqEntries      uint32
	flags                     uint32
	sqThreadCPU, sqThreadIdle uint32
	features                  uint32
	wqFD                      uint32
	_                         [3]uint32
	sq                        sqOffsets
	cq                        cqOffsets
}

// These have the offsets of a ring's parts in the mapped memory: struct
// io_sqring_offsets and struct io_cqring_offsets.
type (
	sqOffsets struct {
		head, tail, mask, entries, flags, dropped, array uint32
		_                                                [3]uint32
	}
	cqOffsets struct {
		head, tail, mask, entries, overflow, cqes, flags uint32
		_                                                [3]uint32
	}
)

// An sqe is a request, struct io_uring_sqe. A NOP uses only the fields that have a name
// here.
type sqe struct {
	opcode   uint8
	_        [31]uint8
	userData uint64 // the program's; comes back in the cqe
	_        [3]uint64
}

// A cqe is a completion, struct io_uring_cqe.
type cqe struct {
	userData uint64
	res      int32 // as the result of the system call; negative for an errno
	flags    uint32
}

// The compiler checks these sizes, which are the kernel's, on every architecture.
var (
	_ [120]struct{} = [unsafe.Sizeof(ringParams{})]struct{}{}
	_ [64]struct{}  = [unsafe.Sizeof(sqe{})]struct{}{}
	_ [16]struct{}  = [unsafe.Sizeof(cqe{})]struct{}{}
)
