//go:build linux

package main

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	blocks    = 4
	blockSize = 4096
)

// The structures of linux/aio_abi.h.
type iocb struct {
	_      uint64 // data, which comes back in the event
	_      uint64 // two fields of 32 bits
	opcode uint16
	_      int16 // priority
	fd     uint32
	buf    uint64
	length uint64
	offset int64
	_      uint64
	flags  uint32
	resfd  uint32
}

type ioEvent struct {
	_, _ uint64
	res  int64
	_    int64
}

const (
	opRead    = 0 // IOCB_CMD_PREAD
	flagResfd = 1 // IOCB_FLAG_RESFD: add 1 to the eventfd resfd on completion
)

// fileReads has reads that the kernel makes in the background (io_submit(2)).
type fileReads struct {
	*source
	file    *os.File
	context uintptr
	taken   uintptr // how many requests the kernel has accepted
	buffer  []byte
}

// startReads asks the kernel for a few blocks of this program's own file. The
// requests name the eventfd, so that the kernel itself signals.
func startReads(fd int) *fileReads {
	r := &fileReads{}
	_, _, errno := unix.Syscall(unix.SYS_IO_SETUP, blocks, uintptr(unsafe.Pointer(&r.context)), 0)
	if errno != 0 {
		r.source = leftOut("kernel", os.NewSyscallError("io_setup", errno))
		return r
	}
	r.source = newSource("kernel", blocks,
		"reads %d blocks of a file by itself, and adds 1 to descriptor %d for each", blocks, fd)
	r.file = must(os.Open(must(os.Executable())))
	// The kernel writes here while Go code runs, so this memory is outside Go's heap: the garbage
	// collector neither moves nor frees it.
	r.buffer = must(unix.Mmap(-1, 0, blocks*blockSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE))

	var requests [blocks]*iocb
	for i := range requests {
		requests[i] = &iocb{
			opcode: opRead,
			fd:     uint32(r.file.Fd()),
			buf:    uint64(uintptr(unsafe.Pointer(&r.buffer[i*blockSize]))),
			length: blockSize,
			offset: int64(i * blockSize),
			flags:  flagResfd,
			resfd:  uint32(fd),
		}
	}
	r.taken, _, errno = unix.Syscall(unix.SYS_IO_SUBMIT, r.context, blocks, uintptr(unsafe.Pointer(&requests)))
	if errno != 0 {
		check(os.NewSyscallError("io_submit", errno))
	}
	return r
}

// join checks that as many blocks as signals were read, in full.
func (r *fileReads) join() {
	if r.file == nil {
		return
	}
	var done [blocks]ioEvent
	n, _, errno := unix.Syscall6(unix.SYS_IO_GETEVENTS, r.context, r.taken, blocks, uintptr(unsafe.Pointer(&done)), 0, 0)
	if errno != 0 {
		check(os.NewSyscallError("io_getevents", errno))
	}
	r.expect(n == blocks, "the kernel completed fewer reads than it was asked for")
	for _, event := range done[:n] {
		r.expect(event.res == blockSize, "a block was not read in full")
	}
	r.expect(string(r.buffer[1:4]) == "ELF", "the blocks are not those of the file")
	unix.Syscall(unix.SYS_IO_DESTROY, r.context, 0, 0)
	unix.Munmap(r.buffer)
	r.file.Close()
}
