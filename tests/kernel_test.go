//go:build linux

package tests

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/rawio"
	"github.com/eventchan/eventchan/notify"
	"github.com/eventchan/eventchan/semaphore"
)

// These tests are about what the kernel does with an eventfd, as far as user space can see it.

// New accepts more permits than the 32 bits that eventfd2(2) takes.
func TestInitialPermitsBeyond32Bits(t *testing.T) {
	for _, permits := range []int64{0, 1, math.MaxUint32, math.MaxUint32 + 1, 1<<33 + 5, math.MaxInt64} {
		s := newSemaphore(t, permits)
		wantCount(t, s, permits)
		if permits > 0 && !s.TryAcquire(1) {
			t.Errorf("none of %d permits could be acquired", permits)
		}
	}
	_, err := semaphore.New(-1)
	wantError(t, "New(-1)", err, os.ErrInvalid)
}

// A completion of AIO releases a permit and wakes the waiter.
func TestKernelSignalsPermits(t *testing.T) {
	s := newSemaphore(t, 0)
	aio := newAIO(t)
	waiter := inBackground(func() error { return s.Acquire(soon(t), 70) })
	allAsleep(t)
	if err := aio.Signal(s.FD(), 100); err != nil {
		t.Fatal(err)
	}
	if err, _ := receive(t, waiter); err != nil {
		t.Error(err)
	}
	wantCount(t, s, 30)
}

func TestFdinfoShowsCountAndMode(t *testing.T) {
	n, s := newNotifier(t), newSemaphore(t, 31)
	mustAdd(t, n, 0xabc)
	if got := info(t, n.FD(), "eventfd-count"); got != "abc" {
		t.Errorf("the Notifier: count %s, want abc", got)
	}
	if got, err := n.Count(); got != 0xabc || err != nil {
		t.Errorf("Count: got %#x, %v, want 0xabc", got, err)
	}
	if got := info(t, s.FD(), "eventfd-count"); got != "1f" {
		t.Errorf("the Semaphore: count %s, want 1f", got)
	}
	if n, s := info(t, n.FD(), "eventfd-semaphore"), info(t, s.FD(), "eventfd-semaphore"); n != "0" || s != "1" {
		t.Errorf("modes %s and %s, want 0 and 1", n, s)
	}
	if got, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", n.FD())); got != "anon_inode:[eventfd]" || err != nil {
		t.Errorf("the link: got %q, %v, want anon_inode:[eventfd]", got, err)
	}
}

// An eventfd cannot be opened a second time, with its own flags. Therefore a blocking eventfd
// stays blocking.
func TestEventfdCannotBeOpenedAgain(t *testing.T) {
	n := newNotifier(t)
	_, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", n.FD()), os.O_RDWR, 0)
	want := unix.ENXIO
	if os.Geteuid() != 0 { // the link belongs to root
		want = unix.EACCES
	}
	wantError(t, "opening the link", err, want)
}

func TestNonBlockingIsSharedByDuplicates(t *testing.T) {
	n := newNotifier(t)
	other := twin(t, n)
	if err := unix.SetNonblock(other.FD(), false); err != nil {
		t.Fatal(err)
	}
	if flags := fcntl(t, n.FD(), unix.F_GETFL); flags&unix.O_NONBLOCK != 0 {
		t.Errorf("flags %#o: O_NONBLOCK is not shared", flags)
	}
	// TryWait and Wait do not block the thread, even though the descriptor is blocking now.
	wantTaken(t, n, 0)
	ctx, cancel := context.WithCancel(context.Background())
	waiter := inBackground(func() error { _, err := n.Wait(ctx); return err })
	allAsleep(t)
	cancel()
	err, _ := receive(t, waiter)
	wantError(t, "Wait", err, context.Canceled)
}

// An adopted blocking eventfd blocks neither at 0 nor at the maximum, and keeps its
// flags except close-on-exec.
func TestAdoptedBlockingEventfdNeverBlocks(t *testing.T) {
	fd := mustEventfdWithoutCloexec(t)
	flags := fcntl(t, fd, unix.F_GETFL)
	n := adopted(t)(notify.FromFD(fd))
	wantTaken(t, n, 0)
	mustAdd(t, n, notify.MaxCount)
	wantError(t, "Notify at the maximum", n.Notify(), notify.ErrOverflow)
	wantError(t, "Add(9) at the maximum", n.Add(9), notify.ErrOverflow)
	wantWaited(t, n, notify.MaxCount)
	waiter := make(chan uint64, 1)
	go func() { count, _ := n.Wait(soon(t)); waiter <- count }()
	allAsleep(t)
	mustAdd(t, n, 12)
	if got, _ := receive(t, waiter); got != 12 {
		t.Errorf("Wait: got %d, want 12", got)
	}
	if got := fcntl(t, fd, unix.F_GETFL); got != flags {
		t.Errorf("status flags: got %#o, want %#o as before", got, flags)
	}
	if got := fcntl(t, fd, unix.F_GETFD); got != unix.FD_CLOEXEC {
		t.Errorf("descriptor flags: got %#x, want close-on-exec", got)
	}
}

// Add to a blocking eventfd fails if there is too little room, although poll(2) says that it is
// writable. Only the count shows that the write would block.
func TestAdoptedBlockingEventfdHasRoomForLess(t *testing.T) {
	hammer.NeedsCount(t)
	n := adopted(t)(notify.FromFD(mustEventfdWithoutCloexec(t)))
	mustAdd(t, n, notify.MaxCount-5)
	wantError(t, "Add(6) five below the maximum", n.Add(6), notify.ErrOverflow)
	mustAdd(t, n, 5)
	wantWaited(t, n, notify.MaxCount)
}

func TestAdoptedBlockingSemaphoreNeverBlocks(t *testing.T) {
	fd, err := unix.Eventfd(2, unix.EFD_SEMAPHORE)
	if err != nil {
		t.Fatal(err)
	}
	flags := fcntl(t, fd, unix.F_GETFL)
	s, err := semaphore.FromFD(fd)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.TryAcquire(3) || !s.TryAcquire(2) || s.TryAcquire(1) {
		t.Error("want 2 of 2 permits, neither 3 nor a third")
	}
	s.Release(4)
	wantCount(t, s, 4)
	if got := fcntl(t, fd, unix.F_GETFL); got != flags {
		t.Errorf("status flags: got %#o, want %#o as before", got, flags)
	}
}

func TestWatchedDescriptorKeepsItsFlags(t *testing.T) {
	for _, flags := range []int{0, unix.EFD_NONBLOCK, unix.EFD_CLOEXEC, unix.EFD_NONBLOCK | unix.EFD_CLOEXEC} {
		fd, err := unix.Eventfd(1, flags)
		if err != nil {
			t.Fatal(err)
		}
		status, own := fcntl(t, fd, unix.F_GETFL), fcntl(t, fd, unix.F_GETFD)
		check := func(when string) {
			if got := fcntl(t, fd, unix.F_GETFL); got != status {
				t.Errorf("%s: status flags %#o, want %#o", when, got, status)
			}
			if got := fcntl(t, fd, unix.F_GETFD); got != own {
				t.Errorf("%s: descriptor flags %#x, want %#x", when, got, own)
			}
		}
		w := watch(t, fd, bridge.Readable)
		receive(t, w.C())
		if _, err := w.Wait(soon(t)); err != nil {
			t.Error(err)
		}
		check("watched")
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		check("not watched any more")
		if got, err := rawio.Take(fd); got != 1 || err != nil {
			t.Errorf("the count: got %d, %v, want 1", got, err)
		}
		unix.Close(fd)
	}
}

// A Watcher does not keep a descriptor open: if the last write end of a pipe is closed while it
// is watched, the reader immediately gets the end of the file.
func TestWatchingKeepsNoWriteEndOpen(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	watchWriter := watch(t, int(w.Fd()), bridge.Writable) // Fd makes the pipe blocking
	watchReader := watch(t, int(r.Fd()), bridge.Readable)
	receive(t, watchWriter.C())
	w.Close()
	if got, _ := receive(t, watchReader.C()); got != bridge.HangUp {
		t.Errorf("the read end: got %v, want HangUp", got)
	}
	if n, err := unix.Read(int(r.Fd()), make([]byte, 1)); n != 0 || err != nil {
		t.Errorf("read(2): got %d bytes, %v, want the end of the file", n, err)
	}
	if err := watchWriter.Close(); err != nil {
		t.Errorf("Close after the owner has closed: %v", err)
	}
	if _, open := receive(t, watchWriter.C()); open {
		t.Error("an event of a descriptor that its owner has closed")
	}
}

// If the owner closes the descriptor first, waiters still end with their ctx or with Close.
func TestOwnerClosesFirst(t *testing.T) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	w := watch(t, fd, bridge.Readable)
	ctx, cancel := context.WithCancel(context.Background())
	canceled := inBackground(func() error { _, err := w.Wait(ctx); return err })
	closed := inBackground(func() error { _, err := w.Wait(context.Background()); return err })
	allAsleep(t)
	unix.Close(fd)
	if _, err := w.Wait(soon(t)); !errors.Is(err, unix.EBADF) {
		t.Errorf("Wait: got %v, want EBADF", err)
	}
	wantError(t, "Rearm", w.Rearm(), unix.EBADF)
	cancel()
	err, _ = receive(t, canceled)
	wantError(t, "the canceled waiter", err, context.Canceled)
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	err, _ = receive(t, closed)
	wantError(t, "the other waiter", err, os.ErrClosed)
}

// Another holder's Close does not cause an event, because an eventfd has no hang-up.
func TestAnotherHoldersCloseIsNotAnEvent(t *testing.T) {
	n := newNotifier(t)
	other := twin(t, n)
	w := watch(t, n.FD(), bridge.Readable)
	if err := other.Close(); err != nil {
		t.Error(err)
	}
	quiet(t)
	nothing(t, w.C())
	mustAdd(t, n, 1)
	if got, _ := receive(t, w.C()); got != bridge.Readable {
		t.Errorf("got %v, want Readable", got)
	}
}

// If a raw read(2) takes the count for which a waiter was woken, the waiter goes on waiting.
func TestRawReaderTakesWhatWaiterWasWokenFor(t *testing.T) {
	n := newNotifier(t)
	waiter := make(chan uint64, 1)
	go func() { count, _ := n.Wait(soon(t)); waiter <- count }()
	var raw, sum uint64
	for sum == 0 {
		mustAdd(t, n, 1)
		count, _ := rawio.Take(n.FD())
		raw += count
		select {
		case sum = <-waiter:
		default:
		}
		if raw+sum > 1_000_000 {
			mustAdd(t, n, 1)
			sum, _ = receive(t, waiter)
		}
	}
	if sum != 1 {
		t.Errorf("Wait: got %d, want 1", sum)
	}
}
