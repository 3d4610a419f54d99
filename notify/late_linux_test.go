package notify_test

import (
	"context"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/notify"
)

// closeDuringAdd returns a closed Notifier on which an Add of 1 is still in progress, and a descriptor of
// its eventfd. It calls before just before Close. The function that it returns lets the Add end, and waits
// for that.
func closeDuringAdd(t *testing.T, before func(n *notify.Notifier)) (n *notify.Notifier, fd int, end func()) {
	t.Helper()
	var held atomic.Bool
	hold, reached, added := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	t.Cleanup(rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		if c.Name == "write" && held.CompareAndSwap(false, true) {
			close(reached)
			<-hold
		}
		return 0
	}))
	n, err := notify.New() // after SetHook, so that the hook sees each Add
	if err != nil {
		t.Fatal(err)
	}
	fd = dup(t, n.FD())
	t.Cleanup(func() { unix.Close(fd) })
	go func() { added <- n.Add(1) }()
	<-reached
	before(n)
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	return n, fd, func() {
		t.Helper()
		close(hold)
		if err := <-added; err != nil {
			t.Errorf("Add = %v, but it began before Close", err)
		}
	}
}

func wantTryWait(t *testing.T, when string, n *notify.Notifier, want uint64) {
	t.Helper()
	if got, ok := n.TryWait(); got != want || ok != (want > 0) {
		t.Errorf("TryWait %s = %d, %v; want %d", when, got, ok, want)
	}
}

// TryWait finds the pending count even if a call that began before Close has not ended, and afterward the
// count that the call has added.
func TestTryWaitAfterCloseDuringAnAdd(t *testing.T) {
	t.Run("received", func(t *testing.T) {
		n, _, end := closeDuringAdd(t, func(n *notify.Notifier) {
			mustWrite(t, n, 2)
			wantWait(t, n, 2)
			mustWrite(t, n, 7)
		})
		wantTryWait(t, "during the Add", n, 7)
		wantTryWait(t, "again", n, 0)
		end()
		wantTryWait(t, "after the Add", n, 1)
		wantTryWait(t, "at the end", n, 0)
	})
	t.Run("C", func(t *testing.T) {
		n, fd, end := closeDuringAdd(t, func(n *notify.Notifier) { n.C() })
		write(t, fd, 7)
		wantTryWait(t, "during the Add", n, 7)
		end()
		if got := <-n.C(); got != 1 {
			t.Errorf("C gave %d after the Add, want 1", got)
		}
		wantTryWait(t, "at the end", n, 0)
	})
	t.Run("handle", func(t *testing.T) {
		n, _, end := closeDuringAdd(t, func(n *notify.Notifier) {
			mustWrite(t, n, 2)
			wantWait(t, n, 2)
			mustSignal(t, n, 7)
		})
		wantTryWait(t, "during the Add", n, 7)
		end()
		wantTryWait(t, "after the Add", n, 1)
	})
}

// If a goroutine is waiting, the count belongs to it. If nothing was ever received, the count stays in the
// eventfd.
func TestTryWaitAfterCloseTakesNothingOfOthers(t *testing.T) {
	for name, early := range map[string]bool{"waiter": true, "waiter after Close": false} {
		t.Run(name, func(t *testing.T) {
			var arrivals <-chan arrival
			n, fd, end := closeDuringAdd(t, func(n *notify.Notifier) {
				mustWrite(t, n, 2)
				wantWait(t, n, 2)
				if early {
					arrivals = startWaiters(n, contexts(1))
				}
			})
			if !early {
				arrivals = startWaiters(n, contexts(1))
			}
			write(t, fd, 7)
			wantTryWait(t, "while a goroutine is waiting", n, 0)
			end()
			if got := <-arrivals; got.count != 8 || got.err != nil {
				t.Errorf("the waiter got %d, %v; want 8", got.count, got.err)
			}
		})
	}
	t.Run("waiter that gives up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(background)
		defer cancel()
		var arrivals <-chan arrival
		n, fd, end := closeDuringAdd(t, func(n *notify.Notifier) {
			mustWrite(t, n, 2)
			wantWait(t, n, 2)
			arrivals = startWaiters(n, []context.Context{ctx})
		})
		cancel()
		if got := <-arrivals; got.err != context.Canceled {
			t.Errorf("the waiter got %d, %v; want context.Canceled", got.count, got.err)
		}
		write(t, fd, 7)
		wantTryWait(t, "after the waiter has given up", n, 7)
		end()
		wantTryWait(t, "after the Add", n, 1)
	})
	t.Run("signaled only", func(t *testing.T) {
		n, fd, end := closeDuringAdd(t, func(n *notify.Notifier) { mustWrite(t, n, 7) })
		wantTryWait(t, "of a Notifier that has never received", n, 0)
		end()
		wantTryWait(t, "at the end", n, 0)
		if got := fetch(t, fd); got != 8 {
			t.Errorf("another holder read %d, want 8", got)
		}
	})
}

// TryWait takes a count that the first call of C moves to the buffer while TryWait looks for it.
func TestTryWaitMeetsTheFirstC(t *testing.T) {
	if mode.Is("handle") {
		return // TryWait holds the lock, which C needs
	}
	n := mustNew(t)
	fd := n.FD()
	mustAdd(t, n, 5)
	var called atomic.Bool
	t.Cleanup(rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		if c.Num == fd && c.Name == "preadv2" && called.CompareAndSwap(false, true) {
			n.C()
		}
		return 0
	}))
	if count, ok := n.TryWait(); count != 5 || !ok {
		t.Errorf("TryWait = %d, %v; want 5", count, ok)
	}
}
