package poller_test

import (
	"runtime"
	"sync/atomic"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/poller"
	"github.com/eventchan/eventchan/internal/rawefd"
)

// Once the kernel has raised an eventfd's count to 1<<64 - 1, the eventfd has an error
// condition, which epoll reports even if no events were asked for. A disarmed source is
// called once for it, not as long as it lasts.
func TestDisarmedSourceWithAnErrorIsQuiet(t *testing.T) {
	const many = rawefd.BatchSize // as many as one epoll_wait returns
	var calls [many]atomic.Int64
	signal := kernelSignals(t)
	for i := range many {
		f := mustNew(t)
		s := poller.NewSource(f.Number(), handler(func() { calls[i].Add(1) }))
		if err := s.Arm(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		if err := f.Add(rawefd.MaxCount); err != nil {
			t.Fatal(err)
		}
		signal(f.Number())
		if got, err := rawefd.Poll(f.Number(), unix.POLLERR); got&unix.POLLERR == 0 {
			t.Fatalf("Poll = %#x, %v after a signal of the kernel at the maximum, want POLLERR", got, err)
		}
		s.Disarm() // as an owner without a waiter does
	}
	other := mustNew(t)
	_, otherCalls := arm(t, other)
	for range 50 { // each takes at least one epoll_wait
		mustAdd(t, other)
		soon(t, otherCalls)
	}
	for i := range calls {
		if got := calls[i].Load(); got > 4 { // an add, a signal, and an error that Disarm reports
			t.Fatalf("source %d of %d was called %d times during 50 events of another", i, many, got)
		}
	}
}

// kernelSignals returns a function that makes the kernel add 1 to an eventfd, by Linux
// AIO. Only the kernel can raise a count above rawefd.MaxCount.
func kernelSignals(t *testing.T) func(fd int) {
	t.Helper()
	file, err := unix.MemfdCreate("aio", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(file) })
	var context uintptr
	if _, _, errno := unix.Syscall(unix.SYS_IO_SETUP, 1, uintptr(unsafe.Pointer(&context)), 0); errno != 0 {
		t.Skipf("Linux AIO is not available here: io_setup: %v", errno)
	}
	t.Cleanup(func() { unix.Syscall(unix.SYS_IO_DESTROY, context, 0, 0) })
	type iocb struct { // struct iocb of linux/aio_abi.h
		_      uint64
		_      [2]uint32
		_      uint16 // IOCB_CMD_PREAD is 0
		_      int16
		fildes uint32
		_      [2]uint64 // buf and nbytes: 0 bytes
		_      int64
		_      uint64
		flags  uint32
		resfd  uint32
	}
	var event [4]uint64
	return func(fd int) {
		cb := &iocb{fildes: uint32(file), flags: 1, resfd: uint32(fd)} // IOCB_FLAG_RESFD
		cbs := [1]*iocb{cb}
		if _, _, errno := unix.Syscall(unix.SYS_IO_SUBMIT, context, 1, uintptr(unsafe.Pointer(&cbs))); errno != 0 {
			t.Fatal("io_submit:", errno)
		}
		if _, _, errno := unix.Syscall6(unix.SYS_IO_GETEVENTS, context, 1, 1, uintptr(unsafe.Pointer(&event)), 0, 0); errno != 0 {
			t.Fatal("io_getevents:", errno)
		}
		runtime.KeepAlive(cb)
	}
}
