package notify_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/notify"
)

// A waiter sets flags in the state word that make all calls take the lock. Once the waiter is gone, the
// next call that finds the flags clears them, so that later calls do not need the lock.
func TestCallsAreFreeAgainAfterTheLastWaiter(t *testing.T) {
	serve := func(add func(testing.TB, *notify.Notifier, uint64)) func(*testing.T, *notify.Notifier) {
		return func(t *testing.T, n *notify.Notifier) {
			arrivals := startWaiters(n, contexts(1))
			add(t, n, 3)
			if got := <-arrivals; got.count != 3 {
				t.Errorf("the waiter got %d, %v; want 3", got.count, got.err)
			}
			notify.Waiting(n) // it takes the lock, which the call that has served the waiter holds until it ends
		}
	}
	serveByAdd := serve(mustAdd)
	tests := map[string]func(*testing.T, *notify.Notifier){
		"canceled": func(t *testing.T, n *notify.Notifier) {
			ctx, cancel := context.WithCancel(background)
			arrivals := startWaiters(n, []context.Context{ctx})
			cancel()
			<-arrivals
		},
		"served, then Add":     func(t *testing.T, n *notify.Notifier) { serveByAdd(t, n); mustAdd(t, n, 1) },
		"served, then TryWait": func(t *testing.T, n *notify.Notifier) { serveByAdd(t, n); n.TryWait() },
		"shared":               func(t *testing.T, n *notify.Notifier) { n.Handle() },
	}
	if !rawefd.HasEventfd {
		tests["FD has failed"] = func(t *testing.T, n *notify.Notifier) { n.FD() }
	}
	switch {
	case mode.Is("exported"):
		return // all calls go to the eventfd
	case mode.Is("handle"): // where a signal that finds flags would ring the doorbell without need
		tests["served"] = serveByAdd
		tests["served through the handle"] = serve(mustSignal)
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			n := mustNew(t)
			test(t, n)
			if !notify.Free(n) {
				t.Error("calls take the lock without a waiter")
			}
		})
	}
}

// If a count is taken without the lock just after a goroutine that is about to wait has seen it, the next
// Add still finds that goroutine.
func TestWaiterThatLosesTheCountIsFound(t *testing.T) {
	if mode.Is("exported") {
		return // the count is in an eventfd, which makes an edge
	}
	n := mustNew(t)
	var turns atomic.Int64
	var stop atomic.Bool
	var others sync.WaitGroup
	defer others.Wait()
	defer stop.Store(true)
	others.Go(func() {
		for !stop.Load() { // these calls do not need the lock, unless a goroutine is waiting
			mustAdd(t, n, 1)
			n.TryWait()
			turns.Add(1)
			hammer.Yield()
		}
	})
	hammer.For(3*time.Second, 1, func() {
		for turn := turns.Load() + 2; turns.Load() < turn; { // until the calls do without the lock again
			runtime.Gosched()
		}
		if !notify.QueueAndLeave(n) {
			t.Error("a goroutine waits, but the next Add does not take the lock to serve it")
		}
	})
}
