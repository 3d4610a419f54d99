//go:build linux

package eventchan_test

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An aio is a context of Linux AIO, by which the kernel itself signals eventfds:
// io_submit(2) with IOCB_FLAG_RESFD adds 1 for each completion. It is used by one
// goroutine at a time.
type aio struct {
	context uintptr
	file    int
	buf     []byte
	iocbs   []iocb
	queue   []*iocb
	events  []ioEvent
}

// An iocb is struct iocb of linux/aio_abi.h; the two fields whose order depends
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
	aioBatch      = 64
)

// newAIO returns a context that reads a file of its own.
func newAIO(t testing.TB) *aio {
	t.Helper()
	a := &aio{buf: make([]byte, 8), iocbs: make([]iocb, aioBatch), events: make([]ioEvent, aioBatch)}
	for i := range a.iocbs {
		a.queue = append(a.queue, &a.iocbs[i])
	}
	var err error
	if a.file, err = unix.MemfdCreate("aio", unix.MFD_CLOEXEC); err != nil {
		t.Fatal(os.NewSyscallError("memfd_create", err))
	}
	t.Cleanup(func() { unix.Close(a.file) })
	if _, err := unix.Pwrite(a.file, []byte("eventfd!"), 0); err != nil {
		t.Fatal(err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_IO_SETUP, aioBatch, uintptr(unsafe.Pointer(&a.context)), 0); errno != 0 {
		lacks(t, "Linux AIO cannot be had here: io_setup: %v", errno)
	}
	t.Cleanup(func() { unix.Syscall(unix.SYS_IO_DESTROY, a.context, 0, 0) })
	return a
}

// signal has the kernel complete n reads, each of which adds 1 to the eventfd.
func (a *aio) signal(fd, n int) error {
	for n > 0 {
		batch := min(n, aioBatch)
		if err := a.batch(fd, batch); err != nil {
			return err
		}
		n -= batch
	}
	return nil
}

func (a *aio) batch(fd, n int) error {
	for i := range a.iocbs[:n] {
		a.iocbs[i] = iocb{
			opcode: iocbPread, fildes: uint32(a.file), nbytes: uint64(len(a.buf)),
			buf:   uint64(uintptr(unsafe.Pointer(unsafe.SliceData(a.buf)))),
			flags: iocbFlagResfd, resfd: uint32(fd),
		}
	}
	defer runtime.KeepAlive(a)
	for done := 0; done < n; {
		m, err := a.call(unix.SYS_IO_SUBMIT, n-done, uintptr(unsafe.Pointer(&a.queue[done])), 0)
		if err != nil {
			return os.NewSyscallError("io_submit", err)
		}
		done += m
	}
	for done := 0; done < n; {
		m, err := a.call(unix.SYS_IO_GETEVENTS, n-done, uintptr(n-done), uintptr(unsafe.Pointer(&a.events[done])))
		if err != nil {
			return os.NewSyscallError("io_getevents", err)
		}
		done += m
	}
	for _, ev := range a.events[:n] {
		if ev.res != int64(len(a.buf)) {
			return fmt.Errorf("a read by AIO: got %d, want %d bytes", ev.res, len(a.buf))
		}
	}
	return nil
}

//go:uintptrescapes
func (a *aio) call(trap uintptr, n int, arg1, arg2 uintptr) (int, error) {
	for {
		m, _, errno := unix.Syscall6(trap, a.context, uintptr(n), arg1, arg2, 0, 0)
		switch errno {
		case 0:
			return int(m), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}
