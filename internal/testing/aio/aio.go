//go:build linux

// Package aio lets tests make the kernel signal eventfds, by Linux AIO.
package aio

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Context is a context of Linux AIO. With it the kernel itself signals eventfds:
// io_submit(2) with IOCB_FLAG_RESFD adds 1 for each completion. Only one goroutine at a time can
// use it.
type Context struct {
	context uintptr
	file    int
	buf     []byte
	iocbs   []iocb
	queue   []*iocb
	events  []ioEvent
}

// An iocb is struct iocb of linux/aio_abi.h. The two fields whose order depends
// on the byte order are always 0.
type iocb struct {
	_      uint64 // aio_data
	_      [2]uint32
	opcode uint16
	_      int16 // aio_reqprio
	fildes uint32
	buf    uint64
	nbytes uint64
	_      int64 // aio_offset, 0
	_      uint64
	flags  uint32
	resfd  uint32
}

type ioEvent struct {
	data, obj uint64
	res, res2 int64
}

const (
	iocbPread     = 0
	iocbFlagResfd = 1
	batchSize     = 64
)

// New returns a Context with a file to read. Close frees it.
func New() (*Context, error) {
	c := &Context{buf: make([]byte, 8), iocbs: make([]iocb, batchSize), events: make([]ioEvent, batchSize)}
	for i := range c.iocbs {
		c.queue = append(c.queue, &c.iocbs[i])
	}
	var err error
	if c.file, err = unix.MemfdCreate("aio", unix.MFD_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	if _, err := unix.Pwrite(c.file, []byte("eventfd!"), 0); err != nil {
		unix.Close(c.file)
		return nil, os.NewSyscallError("pwrite64", err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_IO_SETUP, batchSize, uintptr(unsafe.Pointer(&c.context)), 0); errno != 0 {
		unix.Close(c.file)
		return nil, os.NewSyscallError("io_setup", errno)
	}
	return c, nil
}

// Close frees the Context.
func (c *Context) Close() error {
	_, _, errno := unix.Syscall(unix.SYS_IO_DESTROY, c.context, 0, 0)
	err := unix.Close(c.file)
	if errno != 0 {
		return os.NewSyscallError("io_destroy", errno)
	}
	return err
}

// Signal makes the kernel complete n reads, each of which adds 1 to the eventfd.
func (c *Context) Signal(fd, n int) error {
	for n > 0 {
		batch := min(n, batchSize)
		if err := c.batch(fd, batch); err != nil {
			return err
		}
		n -= batch
	}
	return nil
}

func (c *Context) batch(fd, n int) error {
	for i := range c.iocbs[:n] {
		c.iocbs[i] = iocb{
			opcode: iocbPread, fildes: uint32(c.file), nbytes: uint64(len(c.buf)),
			buf:   uint64(uintptr(unsafe.Pointer(unsafe.SliceData(c.buf)))),
			flags: iocbFlagResfd, resfd: uint32(fd),
		}
	}
	defer runtime.KeepAlive(c)
	for done := 0; done < n; {
		m, err := c.call(unix.SYS_IO_SUBMIT, n-done, uintptr(unsafe.Pointer(&c.queue[done])), 0)
		if err != nil {
			return os.NewSyscallError("io_submit", err)
		}
		done += m
	}
	for done := 0; done < n; {
		m, err := c.call(unix.SYS_IO_GETEVENTS, n-done, uintptr(n-done), uintptr(unsafe.Pointer(&c.events[done])))
		if err != nil {
			return os.NewSyscallError("io_getevents", err)
		}
		done += m
	}
	for _, ev := range c.events[:n] {
		if ev.res != int64(len(c.buf)) {
			return fmt.Errorf("a read by AIO: got %d, want %d bytes", ev.res, len(c.buf))
		}
	}
	return nil
}

//go:uintptrescapes
func (c *Context) call(trap uintptr, n int, arg1, arg2 uintptr) (int, error) {
	for {
		m, _, errno := unix.Syscall6(trap, c.context, uintptr(n), arg1, arg2, 0, 0)
		switch errno {
		case 0:
			return int(m), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}
