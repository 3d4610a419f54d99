package notify_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/handletest"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/notify"
)

// A goroutine that waits alone, without the lock, is found by whatever needs the lock.
func TestLoneWaiterIsFound(t *testing.T) {
	for name, call := range map[string]func(t *testing.T, n *notify.Notifier) (want uint64){
		"Add":       func(t *testing.T, n *notify.Notifier) uint64 { mustAdd(t, n, 7); return 7 },
		"Add(max)":  func(t *testing.T, n *notify.Notifier) uint64 { mustAdd(t, n, notify.MaxCount); return notify.MaxCount },
		"Count":     func(t *testing.T, n *notify.Notifier) uint64 { wantCount(t, n, 0); mustAdd(t, n, 7); return 7 },
		"C":         func(t *testing.T, n *notify.Notifier) uint64 { n.C(); mustAdd(t, n, 7); return 7 },
		"FD":        func(t *testing.T, n *notify.Notifier) uint64 { n.FD(); mustAdd(t, n, 7); return 7 },
		"Close":     func(t *testing.T, n *notify.Notifier) uint64 { n.Close(); return 0 },
		"past most": func(t *testing.T, n *notify.Notifier) uint64 { wantOverflow(t, n); mustAdd(t, n, 7); return 7 },
		"another waiter": func(t *testing.T, n *notify.Notifier) uint64 {
			ctx, cancel := context.WithCancel(background)
			done := make(chan error)
			go func() { _, err := n.Wait(ctx); done <- err }()
			for notify.Waiting(n) < 2 {
				hammer.Yield()
			}
			cancel()
			wantIs(t, "Wait", <-done, context.Canceled)
			mustAdd(t, n, 7)
			return 7
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := mustNew(t)
			arrivals := startWaiters(n, contexts(1))
			want := call(t, n)
			if got := <-arrivals; got.count != want || (got.err == nil) != (want > 0) {
				t.Errorf("Wait = %d, %v; want %d", got.count, got.err, want)
			}
		})
	}
}

func wantOverflow(t *testing.T, n *notify.Notifier) {
	t.Helper()
	wantIs(t, "Add(1<<64 - 1)", n.Add(notify.MaxCount+1), notify.ErrOverflow)
}

// The place of a goroutine that was claimed is its own until it has received. Another waiter waits
// elsewhere until then, where C threads find it.
func TestWaiterBesideOneThatWasServed(t *testing.T) {
	if !rawefd.HasDoorbell || !mode.Is("private") {
		return
	}
	for _, early := range []bool{true, false} {
		n := mustNew(t)
		send := notify.ServeLone(n)
		var arrivals <-chan arrival
		if early {
			arrivals = startWaiters(n, contexts(1))
		}
		h := n.Handle()
		if !early {
			arrivals = startWaiters(n, contexts(1))
		}
		send(5)
		if !handletest.Signal(h, 3) {
			t.Error("the signal came too late")
		}
		if got := <-arrivals; got.count != 3 {
			t.Errorf("Wait = %d, %v; want 3", got.count, got.err)
		}
	}
}

// A goroutine that was served in the queue and has not received yet keeps its place, too.
func TestLoneWaiterBesideOneThatWasServed(t *testing.T) {
	if !mode.Is("private") {
		return
	}
	n := mustNew(t)
	receive := notify.ServeQueued(n)
	n.TryWait() // clears the flags that the goroutine has set
	arrivals := startWaiters(n, contexts(1))
	if got := receive(); got != 1 {
		t.Errorf("the goroutine that was served got %d, want 1", got)
	}
	mustAdd(t, n, 3)
	if got := <-arrivals; got.count != 3 {
		t.Errorf("Wait = %d, %v; want 3", got.count, got.err)
	}
}

// Each signal is received once, whatever meets goroutines that wait alone: others that wait, give up
// or look, and calls that make the count shared or exported.
func TestNobodyIsLeftAlone(t *testing.T) {
	if !mode.Is("private") {
		return
	}
	meet := []func(n *notify.Notifier){
		func(n *notify.Notifier) {},
		func(n *notify.Notifier) { n.Handle() },
		func(n *notify.Notifier) { n.FD() },
		func(n *notify.Notifier) { n.Count() },
	}
	hammer.For(2*time.Second, 2, func() {
		n, err := notify.New()
		if err != nil {
			t.Error(err)
			return
		}
		var received atomic.Uint64
		var senders, receivers sync.WaitGroup
		for range 1 + rand.IntN(3) {
			receivers.Go(func() { receiveAndGiveUp(n, &received) })
		}
		const each = 500
		for range 2 {
			senders.Go(func() {
				for i := range uint64(each) {
					n.Add(1)
					if i%64 == 0 {
						count, _ := n.TryWait()
						received.Add(count)
					}
					hammer.Yield()
				}
			})
		}
		meet[rand.IntN(len(meet))](n)
		senders.Wait()
		n.Close()
		receivers.Wait()
		left, _ := n.TryWait() // if each receiver gave up when it could have had the count
		if got := received.Load() + left; got != 2*each {
			t.Errorf("received %d, added %d", got, 2*each)
		}
	})
}

// receiveAndGiveUp waits until Close, and gives up now and then, also when a signal comes.
func receiveAndGiveUp(n *notify.Notifier, received *atomic.Uint64) {
	for {
		ctx, cancel := context.WithCancel(background)
		if rand.IntN(4) == 0 {
			go cancel()
		}
		count, err := n.Wait(ctx)
		cancel()
		received.Add(count)
		if errors.Is(err, os.ErrClosed) {
			return
		}
	}
}
