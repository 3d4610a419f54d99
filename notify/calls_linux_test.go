package notify_test

import (
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/notify"
)

// seen returns a new Notifier and a counter of the system calls on its eventfd that match.
func seen(t *testing.T, match func(rawefd.Call) bool) (*notify.Notifier, *atomic.Int64) {
	t.Helper()
	var number, calls atomic.Int64
	number.Store(-1)
	t.Cleanup(rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		if int64(c.Num) == number.Load() && c.Num >= 0 && match(c) {
			calls.Add(1)
		}
		return 0
	}))
	n, err := notify.New() // after SetHook, so that the hook sees each Add
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	number.Store(int64(n.FD()))
	return n, &calls
}

// An Add that is handed to a goroutine that is already waiting, or to C, makes no system call.
func TestAddToAReceiverDoesNotWrite(t *testing.T) {
	n, writes := seen(t, func(c rawefd.Call) bool { return c.Name == "write" })
	want := func(what string, want int64) {
		t.Helper()
		if got := writes.Swap(0); got != want {
			t.Errorf("%s: %d calls of write(2), want %d", what, got, want)
		}
	}
	mustAdd(t, n, 1)
	want("without a receiver", 1)
	wantWait(t, n, 1)
	arrivals := startWaiters(n, contexts(1))
	mustAdd(t, n, 2)
	<-arrivals
	want("with a waiter", 0)
	c := n.C()
	mustAdd(t, n, 3)
	<-c
	want("with C", 0)
}

// Without a waiter, a signal from elsewhere does not wake the poller.
func TestNotifierWithoutAWaiterIsNotWatched(t *testing.T) {
	n, modified := seen(t, func(c rawefd.Call) bool { return c.Name == "epoll_ctl" && c.Arg == unix.EPOLL_CTL_MOD })
	for round := int64(1); round < int64(notify.Steady()); round++ {
		wakeOne(t, n)
		if got, want := modified.Load(), 2*round-1; got != want {
			t.Fatalf("%d calls of epoll_ctl(2) with EPOLL_CTL_MOD after %d waiters, want %d: one per waiter disarms", got, round, want)
		}
	}
}

// While a goroutine waits again and again, the eventfd stays watched in between. Soon after it has
// stopped, the eventfd is not watched any more.
func TestSteadyWaiterStaysWatched(t *testing.T) {
	n, modified := seen(t, func(c rawefd.Call) bool { return c.Name == "epoll_ctl" && c.Arg == unix.EPOLL_CTL_MOD })
	disarmed := func() bool { return modified.Load()%2 == 1 } // armed by EPOLL_CTL_ADD and every second modification
	for range max(notify.Steady(), 1) {
		wakeOne(t, n)
	}
	// On a busy machine much time can pass between two waits, but not each time.
	hammer.Eventually(t, func() string { return "steady waits call epoll_ctl(2)" }, func() bool {
		before := modified.Load()
		for range max(notify.Steady(), 1) {
			wakeOne(t, n)
		}
		return modified.Load() == before
	})
	hammer.Eventually(t, func() string { return "the eventfd is still watched long after the last waiter" }, disarmed)
}

// wakeOne starts a waiter, and wakes it through the eventfd.
func wakeOne(t *testing.T, n *notify.Notifier) {
	t.Helper()
	arrivals := startWaiters(n, contexts(1)) // arms, the first time by EPOLL_CTL_ADD
	mustWrite(t, n, 1)
	<-arrivals
	notify.Waiting(n) // it takes the lock, which the call that has served the waiter holds until it ends
}

// C cannot return an error. If taking the count for C fails, the count is delivered after a while,
// without another signal.
func TestTakeForCIsTriedAgain(t *testing.T) {
	var fails atomic.Int64
	n, _ := seen(t, func(rawefd.Call) bool { return false })
	number := n.FD()
	c := n.C()
	t.Cleanup(rawefd.SetHook(func(call rawefd.Call) syscall.Errno {
		takes := call.Name == "preadv2" || call.Name == "read" // where preadv2(2) cannot be used
		if takes && call.Num == number && fails.Add(1) <= 3 {
			return unix.EIO
		}
		return 0
	}))
	mustWrite(t, n, 6)
	select {
	case got := <-c:
		if got != 6 {
			t.Errorf("C gave %d, want 6", got)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("C gave nothing within 30 s, want 6")
	}
	if got := fails.Load(); got < 4 {
		t.Errorf("%d calls that take the count, want 3 that fail and one that succeeds", got)
	}
}
