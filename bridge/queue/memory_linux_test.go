package queue_test

import (
	"os"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge/queue"
	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/handletest"
)

// resident returns the number of pages of the cells that are in memory.
func resident(t *testing.T, handle unsafe.Pointer) (pages int) {
	t.Helper()
	first, bytes := handletest.Cells(handle)
	in := make([]byte, (bytes+uintptr(os.Getpagesize())-1)/uintptr(os.Getpagesize()))
	if _, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(first), bytes, uintptr(unsafe.Pointer(&in[0]))); errno != 0 {
		t.Fatal(os.NewSyscallError("mincore", errno))
	}
	for _, page := range in {
		pages += int(page & 1)
	}
	return pages
}

// newPrivate returns a queue of 1 MiB without a handle.
func newPrivate(t *testing.T) *queue.Queue[[1016]byte] {
	t.Helper()
	q, err := queue.New[[1016]byte](1024)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// newLarge returns a queue with 1 MiB of cells, and its handle.
func newLarge(t *testing.T) (*queue.Queue[[1016]byte], unsafe.Pointer) {
	t.Helper()
	q := newPrivate(t)
	h := mustHandle(t, q)
	if got, want := resident(t, h), 1<<20/os.Getpagesize(); got != want {
		t.Errorf("%d pages are in memory after Handle, want all %d", got, want)
	}
	return q, h
}

// wantLate checks that late senders are refused by a closed queue whose memory was
// released.
func wantLate(t *testing.T, h unsafe.Pointer, place *[1016]byte, ticket uint64) {
	t.Helper()
	place[1000] = 1 // a late thread can still write to its place
	if got := handletest.Commit(h, ticket); got != handletest.Late {
		t.Errorf("a late commit = %v, want EBADF", got)
	}
	if got := handletest.Send(h, [1016]byte{}); got != handletest.Late {
		t.Errorf("a late send = %v, want EBADF", got)
	}
}

// The memory of a closed queue is released to the system when the last value is received.
func TestMemoryGoesBackOnceAllIsReceived(t *testing.T) {
	if !rawefd.HasDoorbell {
		return
	}
	for _, useC := range []bool{false, true} {
		q, h := newLarge(t)
		for i := range 1000 {
			mustSend(t, q, [1016]byte{byte(i)})
		}
		place, ticket, _ := handletest.Reserve[[1016]byte](h)
		q.Close()
		if got := resident(t, h); got == 0 {
			t.Error("the memory is gone before the values were received")
		}
		for i := range 1000 {
			var got [1016]byte
			if useC {
				got = <-q.C()
			} else {
				got, _ = q.TryReceive()
			}
			if got[0] != byte(i) {
				t.Fatalf("received %d, want %d", got[0], byte(i))
			}
		}
		if _, ok := <-q.C(); ok {
			t.Error("C is not closed")
		}
		if got := resident(t, h); got != 0 {
			t.Errorf("%d pages are in memory, want none", got)
		}
		wantLate(t, h, place, ticket)
	}
}

// The memory of an empty queue is released at Close.
func TestMemoryGoesBackAtClose(t *testing.T) {
	if !rawefd.HasDoorbell {
		return
	}
	q, h := newLarge(t)
	place, ticket, _ := handletest.Reserve[[1016]byte](h)
	q.Close()
	if got := resident(t, h); got != 0 {
		t.Errorf("%d pages are in memory, want none", got)
	}
	wantLate(t, h, place, ticket)
}

// The memory of a closed queue whose values are never received is released when the queue
// is garbage collected.
func TestMemoryOfAForgottenQueueGoesBack(t *testing.T) {
	if !rawefd.HasDoorbell {
		return
	}
	h, place, ticket := forget(t)
	hammer.Eventually(t, func() string { return "the memory of a forgotten queue is still there" }, func() bool {
		runtime.GC()
		return resident(t, h) == 0
	})
	wantLate(t, h, place, ticket)
}

//go:noinline
func forget(t *testing.T) (h unsafe.Pointer, place *[1016]byte, ticket uint64) {
	q, h := newLarge(t)
	mustSend(t, q, [1016]byte{})
	place, ticket, _ = handletest.Reserve[[1016]byte](h)
	q.Close()
	return h, place, ticket
}

// Values larger than a page are in memory after Handle as well, so that a real-time thread that sends one
// has no page fault.
func TestHandleTouchesAllPages(t *testing.T) {
	if !rawefd.HasDoorbell {
		return
	}
	q, err := queue.New[[60000]byte](8)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	h := mustHandle(t, q)
	_, bytes := handletest.Cells(h)
	if got, want := resident(t, h), int(bytes)/os.Getpagesize(); got < want {
		t.Errorf("%d pages are in memory after Handle, want all %d", got, want)
	}
}

// Memory that the program has locked is released as well.
func TestLockedMemoryGoesBack(t *testing.T) {
	if !rawefd.HasDoorbell {
		return
	}
	q, err := queue.New[[1016]byte](16) // so that any limit of locked memory allows it
	if err != nil {
		t.Fatal(err)
	}
	h := mustHandle(t, q)
	first, bytes := handletest.Cells(h)
	if err := unix.Mlock(unsafe.Slice((*byte)(first), bytes)); err != nil {
		t.Skip(os.NewSyscallError("mlock", err))
	}
	q.Close()
	if got := resident(t, h); got != 0 {
		t.Errorf("%d pages are in memory, want none", got)
	}
}

// A Handle that finds no memory uses nothing up. A slot of 64 bytes would never be freed.
func TestHandleWithoutMemory(t *testing.T) {
	if !rawefd.HasDoorbell {
		return
	}
	q := newPrivate(t)
	defer q.Close()
	next := func() uintptr {
		q := mustNew[int64](t, 1)
		return uintptr(mustHandle(t, q))
	}
	var apart []uintptr
	for range 3 { // slots are in blocks, so two that follow each other can be far apart once
		before := next()
		restore := rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
			if c.Name == "mmap" && c.Arg > 1<<20 {
				return syscall.ENOMEM
			}
			return 0
		})
		for range 100 {
			if q.Handle() != nil {
				t.Fatal("Handle without memory is not nil")
			}
		}
		restore()
		apart = append(apart, next()-before)
	}
	if !slices.Contains(apart, 64) {
		t.Errorf("handles before and after 100 Handles that found no memory are %d bytes apart, want 64", apart)
	}
	if q.Handle() == nil {
		t.Error("Handle = nil once there is memory")
	}
}
