package notify_test

import (
	"errors"
	"os"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/handletest"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/notify"
)

// failReads makes reads of fd fail while fails is not 0, of which each failure takes one. done undoes
// that.
func failReads(fd int, fails *atomic.Int32) (done func()) {
	return rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		if (c.Name == "preadv2" || c.Name == "read") && c.Num == fd && fails.Add(-1) >= 0 {
			return syscall.EIO
		}
		return 0
	})
}

// If a system call fails while the first of several waiters is served, the others are served all the
// same.
func TestWaitersBehindOneThatFailsAreServed(t *testing.T) {
	if !mode.First() {
		return
	}
	n := mustNew(t)
	var fails atomic.Int32
	defer failReads(n.FD(), &fails)()
	arrivals := startWaiters(n, contexts(3))
	fails.Store(2)
	mustWrite(t, n, 7)
	var sum uint64
	failed := 0
	for range 3 {
		got := <-arrivals
		sum += got.count
		if errors.Is(got.err, syscall.EIO) {
			failed++
		}
	}
	if sum != 7 || failed != 2 {
		t.Errorf("%d failed and the others received %d, want 2 and 7", failed, sum)
	}
}

// If a system call fails while Close serves the first of several waiters, the next one gets the count.
func TestCloseBesideAReadThatFails(t *testing.T) {
	if !mode.First() {
		return
	}
	n := mustNew(t)
	fd := n.FD()
	arrivals := startWaiters(n, contexts(3))
	var closes, failed atomic.Bool
	defer rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		reads := (c.Name == "preadv2" || c.Name == "read") && c.Num == fd
		switch {
		case c.Name == "epoll_ctl" && c.Arg == syscall.EPOLL_CTL_DEL && c.Num == fd && closes.CompareAndSwap(false, true):
			write(t, fd, 7)
		case reads && closes.Load() && failed.CompareAndSwap(false, true):
			return syscall.EIO
		}
		return 0
	})()
	n.Close()
	want := []arrival{{err: syscall.EIO}, {count: 7}, {err: os.ErrClosed}}
	got := make([]arrival, len(want))
	for range want {
		a := <-arrivals
		got[a.waiter] = a
	}
	for i, w := range want {
		if got[i].count != w.count || !errors.Is(got[i].err, w.err) {
			t.Errorf("waiter %d: Wait = %d, %v; want %d, %v", i, got[i].count, got[i].err, w.count, w.err)
		}
	}
}

// Close repeats a system call that fails: later calls could not read the eventfd.
func TestCloseRepeatsReadsThatFail(t *testing.T) {
	if !mode.First() {
		return
	}
	n := mustNew(t)
	fd := n.FD()
	write(t, fd, 1)
	wantTryWait(t, "before Close", n, 1)
	write(t, fd, 7)
	var failed atomic.Int32
	restore := rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		if is := c.Name == "preadv2" || c.Name == "read"; is && c.Num == fd && failed.Add(1) <= 5 {
			return syscall.EIO
		}
		return 0
	})
	n.Close()
	restore()
	wantTryWait(t, "after Close", n, 7)
	if failed.Load() < 5 {
		t.Errorf("%d reads have failed, want 5", failed.Load())
	}
}

// If reading the eventfd fails beside a count that is in memory or in C's buffer, that count is received, and
// the eventfd is read again soon, although no event follows: for C, and for the next waiter.
func TestReadThatFailsBesideAnotherCount(t *testing.T) {
	if !mode.First() || !rawefd.HasDoorbell {
		return
	}
	for name, receive := range map[string]func(n *notify.Notifier) (sum func() uint64){
		"C": func(n *notify.Notifier) func() uint64 {
			c, sum := n.C(), uint64(0)
			return func() uint64 {
				select {
				case count := <-c:
					sum += count
				default:
				}
				return sum
			}
		},
		"waiters": func(n *notify.Notifier) func() uint64 {
			arrivals, sum := startWaiters(n, contexts(2)), uint64(0)
			return func() uint64 {
				select {
				case got := <-arrivals:
					sum += got.count
				default:
				}
				return sum
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := mustNew(t)
			handle, fd := n.Handle(), n.FD()
			sum := receive(n)
			var failed atomic.Bool
			defer rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
				if (c.Name == "preadv2" || c.Name == "read") && c.Num == fd && failed.CompareAndSwap(false, true) {
					(*handletest.Slot)(handle).Word.Add(5) // as a thread that is about to ring
					return syscall.EIO
				}
				return 0
			})()
			write(t, fd, 7)
			hammer.Eventually(t, func() string { return "not all of 12 are received" }, func() bool { return sum() == 12 })
		})
	}
}

// A Wait that fails gets its own error, even if another fails before it runs.
func TestEachWaitGetsItsError(t *testing.T) {
	if !mode.First() {
		return
	}
	n := mustNew(t)
	var fails atomic.Int32
	defer failReads(n.FD(), &fails)()
	fetch, end := notify.WaitInSteps(n)
	fails.Store(1)
	mustWrite(t, n, 7)
	if got := fetch(); got != 0 {
		t.Errorf("the first Wait received %d, want 0", got)
	}
	wantWait(t, n, 7)
	arrivals := startWaiters(n, contexts(1))
	fails.Store(1)
	mustWrite(t, n, 7)
	if got := <-arrivals; !errors.Is(got.err, syscall.EIO) {
		t.Errorf("the second Wait = %d, %v; want EIO", got.count, got.err)
	}
	if err := end(); !errors.Is(err, syscall.EIO) {
		t.Errorf("the first Wait = %v, want EIO", err)
	}
	wantWait(t, n, 7)
}
