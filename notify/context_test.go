package notify_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/notify"
)

// leadingWaits is more than the number of waits after which a goroutine leads.
const leadingWaits = 12

// Methods of a context can use the Notifier, because Wait does not call them with the lock held.
func TestContextUsesTheNotifier(t *testing.T) {
	eachWay(t, func(t *testing.T, add func(testing.TB, *notify.Notifier, uint64)) {
		n := mustNew(t)
		inner, cancel := context.WithCancel(background)
		var closing atomic.Bool
		ctx := &hammer.HookedContext{Context: inner, Hook: func() {
			n.Count()
			if closing.Load() {
				t.Error("Close calls a method of the context")
			}
		}}
		for range leadingWaits {
			arrivals := startWaiters(n, []context.Context{ctx})
			add(t, n, 1)
			if got := <-arrivals; got.count != 1 || got.err != nil {
				t.Fatalf("Wait = %d, %v; want 1", got.count, got.err)
			}
		}
		arrivals := startWaiters(n, []context.Context{ctx})
		cancel()
		wantIs(t, "Wait", (<-arrivals).err, context.Canceled)
		closing.Store(true)
		n.Close()
	})
}

// A context that panics ends its own Wait, and harms nothing else: no count is lost, and no other
// waiter sleeps on.
func TestContextPanics(t *testing.T) {
	eachWay(t, func(t *testing.T, add func(testing.TB, *notify.Notifier, uint64)) {
		other := mustNew(t)
		add(t, other, 1)
		wantWait(t, other, 1)
		hammer.PanicEach(func(ctx context.Context, cancel func()) {
			n := mustNew(t)
			sent, got := uint64(0), uint64(0)
			var err error
			for i := 1; err == nil; i++ {
				ended := make(chan error, 1)
				go func() {
					ended <- hammer.Recover(func() error {
						count, err := n.Wait(ctx)
						got += count
						return err
					})
				}()
				for notify.Waiting(n) == 0 && len(ended) == 0 {
					runtime.Gosched()
				}
				if i == leadingWaits {
					cancel()
				} else {
					add(t, n, 1)
					sent++
				}
				err = <-ended
			}
			if waiting := notify.Waiting(n); waiting > 0 {
				t.Fatalf("%d goroutines are waiting after %v, want 0", waiting, err)
			}
			limit, end := context.WithTimeout(background, 10*time.Second)
			defer end()
			for got < sent {
				count, err := n.Wait(limit)
				if err != nil {
					t.Fatalf("received %d of %d, then Wait = %v", got, sent, err)
				}
				got += count
			}
			arrivals := startWaiters(other, []context.Context{limit})
			add(t, other, 1)
			if got := <-arrivals; got.count != 1 || got.err != nil {
				t.Fatalf("Wait of another Notifier = %d, %v; want 1", got.count, got.err)
			}
			n.Close()
		})
	})
}

// A context that is done and has no error does not make Wait return a count that was never added.
func TestContextWithoutAnError(t *testing.T) {
	eachWay(t, func(t *testing.T, add func(testing.TB, *notify.Notifier, uint64)) {
		n := mustNew(t)
		inner, cancel := context.WithCancel(background)
		ctx := []context.Context{hammer.SilentContext{Context: inner}}
		for range leadingWaits {
			arrivals := startWaiters(n, ctx)
			add(t, n, 1)
			<-arrivals
		}
		arrivals := startWaiters(n, ctx)
		cancel()
		wantIs(t, "Wait", (<-arrivals).err, context.Canceled)
	})
}
