//go:build linux

package tests

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/rawio"
	"github.com/eventchan/eventchan/notify"
)

// These tests check what the test suites of other projects expect of an eventfd, a wake-up or a
// poll. The code is our own; the project that has the test is named above each.

// LTP eventfd01, kernel selftests.
func TestTakeReturnsTheSumAndLeavesZero(t *testing.T) {
	n := newNotifier(t)
	wantTaken(t, n, 0)
	mustAdd(t, n, 3, 4)
	wantTaken(t, n, 7)
	wantTaken(t, n, 0)
	if _, err := rawio.Take(n.FD()); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("read(2) at 0: got %v, want EAGAIN", err)
	}
}

// LTP eventfd02, 03: each side reads what the other has written.
func TestRawProgramAndNotifierShareTheCount(t *testing.T) {
	n := newNotifier(t)
	if err := rawio.Add(n.FD(), 12); err != nil {
		t.Fatal(err)
	}
	wantWaited(t, n, 12)
	mustAdd(t, n, 34)
	if got, err := rawio.Take(n.FD()); got != 34 || err != nil {
		t.Errorf("read: got %d, %v, want 34", got, err)
	}
}

// LTP eventfd01: writing 0.
func TestAddOfZeroDoesNothing(t *testing.T) {
	n := newNotifier(t)
	w := watch(t, n.FD(), bridge.Readable)
	mustAdd(t, n, 0)
	wantTaken(t, n, 0)
	quiet(t)
	nothing(t, w.C())
}

// LTP eventfd2_01, 02: the flags of a new eventfd.
func TestNewIsCloseOnExecAndNonBlocking(t *testing.T) {
	n, s := newNotifier(t), newSemaphore(t, 1)
	file, err := n.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var dup int
	conn, err := file.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	conn.Control(func(fd uintptr) { dup = int(fd) })
	for name, fd := range map[string]int{"Notifier": n.FD(), "Semaphore": s.FD(), "File": dup} {
		if flags := fcntl(t, fd, unix.F_GETFD); flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("%s: not close-on-exec", name)
		}
		if flags := fcntl(t, fd, unix.F_GETFL); flags&unix.O_NONBLOCK == 0 {
			t.Errorf("%s: flags %#o, want O_NONBLOCK among them", name, flags)
		}
	}
}

func fcntl(t testing.TB, fd, command int) int {
	t.Helper()
	flags, err := unix.FcntlInt(uintptr(fd), command, 0)
	if err != nil {
		t.Fatal(err)
	}
	return flags
}

// GLib GWakeup.
func TestMillionSignalsNeverBlockAndOneWaitTakesThem(t *testing.T) {
	n := newNotifier(t)
	million := hammer.Rounds(1_000_000)
	for range million {
		if err := n.Notify(); err != nil {
			t.Fatal(err)
		}
	}
	wantWaited(t, n, uint64(million))
	wantTaken(t, n, 0)
}

// GLib GWakeup: 50 threads pass tokens around a ring.
func TestFiftyGoroutinesPassTokensInARing(t *testing.T) {
	const places, tokens, laps = 50, 10, 20
	ring := make([]*notify.Notifier, places)
	for i := range ring {
		ring[i] = newNotifier(t)
	}
	ctx, cancel := context.WithCancel(soon(t))
	defer cancel()
	var passed atomic.Int64
	var wg sync.WaitGroup
	for i, here := range ring {
		next := ring[(i+1)%places]
		wg.Go(func() {
			for {
				count, err := here.Wait(ctx)
				if err != nil {
					return
				}
				if passed.Add(int64(count)) >= places*tokens*laps {
					cancel()
				}
				if err := next.Add(count); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range tokens {
		mustAdd(t, ring[i*places/tokens], 1)
	}
	wg.Wait()
	if got := passed.Load(); got < places*tokens*laps {
		t.Errorf("tokens were passed %d times, want %d", got, places*tokens*laps)
	}
	var left uint64
	for _, n := range ring {
		count, _ := n.TryWait()
		left += count
	}
	if left != tokens {
		t.Errorf("%d tokens at the end, want %d", left, tokens)
	}
}

// Netty's eventfd test: two signals, drained in between, are two wake-ups, and there
// is no third within a second.
func TestTwoSignalsDrainedInBetweenAreTwoWakes(t *testing.T) {
	byC, byWait, watched := newNotifier(t), newNotifier(t), newNotifier(t)
	w := watch(t, watched.FD(), bridge.Readable)
	for _, signal := range []uint64{1, 2} {
		mustAdd(t, byC, signal)
		if got, _ := receive(t, byC.C()); got != signal {
			t.Errorf("C: got %d, want %d", got, signal)
		}
		mustAdd(t, byWait, signal)
		wantWaited(t, byWait, signal)
		mustAdd(t, watched, signal)
		if got, _ := receive(t, w.C()); got != bridge.Readable {
			t.Errorf("the Watcher: got %v, want Readable", got)
		}
		wantTaken(t, watched, signal)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	waiter := inBackground(func() error { _, err := byWait.Wait(ctx); return err })
	quiet(t) // a third wake would have come
	nothing(t, byC.C())
	nothing(t, w.C())
	cancel()
	if err, _ := receive(t, waiter); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait = %v, a third wake", err)
	}
}

// libuv: threads hammer uv_async_send while the loop closes the handle.
func TestSenderHammersWhileReceiverCloses(t *testing.T) {
	for round := range hammer.Rounds(50) {
		n := newNotifier(t)
		left := twin(t, n)
		var sent, received atomic.Uint64
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for {
					if err := n.Notify(); err != nil {
						wantError(t, "Notify", err, os.ErrClosed)
						return
					}
					if sent.Add(1)%64 == 0 && round%5 > 0 { // otherwise one processor takes 10 ms for each Wait
						hammer.Pause()
					}
				}
			})
		}
		wg.Go(func() {
			for {
				count, err := n.Wait(context.Background())
				if err != nil {
					wantError(t, "Wait", err, os.ErrClosed)
					return
				}
				// The next Wait receives what is pending at Close.
				if before := received.Add(count) - count; before <= uint64(20*round) && before+count > uint64(20*round) {
					if err := n.Close(); err != nil {
						t.Error(err)
					}
				}
			}
		})
		wg.Wait()
		rest, _ := left.TryWait()
		if got, want := received.Load()+rest, sent.Load(); got != want {
			t.Fatalf("round %d: %d received, %d sent", round, got, want)
		}
		left.Close()
	}
}

// mio: three wakes of a Waker are one event. Unlike there, the count is not lost.
func TestThreeSignalsAreOneWakeWithCountThree(t *testing.T) {
	n := newNotifier(t)
	for range 3 {
		if err := n.Notify(); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := receive(t, n.C()); got != 3 {
		t.Errorf("got %d, want 3", got)
	}
	quiet(t)
	nothing(t, n.C())
}

// vmm-sys-util: try_clone.
func TestDuplicateSharesTheCount(t *testing.T) {
	n := newNotifier(t)
	other := twin(t, n)
	mustAdd(t, other, 6)
	wantTaken(t, n, 6)
	mustAdd(t, other, 7)
	if err := other.Close(); err != nil { // other has never received, so the count stays
		t.Error(err)
	}
	wantTaken(t, n, 7)
	mustAdd(t, n, 8)
	third := twin(t, n)
	if err := n.Close(); err != nil { // n has received before, so Close takes the count
		t.Error(err)
	}
	wantTaken(t, third, 0)
	wantTaken(t, n, 8)
}

// rustix, eventfd_basic.
func TestManyWritersReadAsOneSum(t *testing.T) {
	n := newNotifier(t)
	var wg sync.WaitGroup
	for _, delta := range []uint64{1, 3, 6, 11, 5000} {
		wg.Go(func() { mustAdd(t, n, delta) })
	}
	wg.Wait()
	wantWaited(t, n, 5021)
}

// tokio AsyncFd: dropping the object wakes its waiters.
func TestCloseWakesEveryWaiter(t *testing.T) {
	n, s := newNotifier(t), newSemaphore(t, 1)
	w := watch(t, eventfd(t, 0, unix.EFD_NONBLOCK), bridge.Readable)
	ended := make(chan error, 30)
	for range 10 {
		go func() { _, err := n.Wait(context.Background()); ended <- err }()
		go func() { ended <- s.Acquire(context.Background(), 2) }()
		go func() { _, err := w.Wait(context.Background()); ended <- err }()
	}
	quiet(t)
	nothing(t, ended)
	for _, closer := range []interface{ Close() error }{n, s, w} {
		if err := closer.Close(); err != nil {
			t.Error(err)
		}
		wantError(t, "the second Close", closer.Close(), os.ErrClosed)
	}
	for range cap(ended) {
		err, _ := receive(t, ended)
		wantError(t, "a waiter", err, os.ErrClosed)
	}
}
