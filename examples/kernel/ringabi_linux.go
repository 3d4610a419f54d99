package main

import "unsafe"

// From <linux/io_uring.h>. All fields have fixed sizes and the machine's own
// byte order, on 32 bits as on 64.
const (
	ioringOffSQRing       = 0
	ioringOffCQRing       = 0x8000000
	ioringOffSQEs         = 0x10000000
	ioringOpNop           = 0
	ioringRegisterEventfd = 4
)

// A ringParams is struct io_uring_params: what io_uring_setup is asked for, which
// here is nothing, and what it answers.
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

// The offsets say where in the mapped memory a ring has its parts: struct
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

// An sqe is a request, struct io_uring_sqe. A NOP uses no more than has a name
// here.
type sqe struct {
	opcode   uint8
	_        [31]uint8
	userData uint64 // ours; comes back in the cqe
	_        [3]uint64
}

// A cqe is a completion, struct io_uring_cqe.
type cqe struct {
	userData uint64
	res      int32 // like the result of the system call; a negative one is an errno
	flags    uint32
}

// The kernel's sizes, checked by the compiler for every architecture.
var (
	_ [120]struct{} = [unsafe.Sizeof(ringParams{})]struct{}{}
	_ [64]struct{}  = [unsafe.Sizeof(sqe{})]struct{}{}
	_ [16]struct{}  = [unsafe.Sizeof(cqe{})]struct{}{}
)
