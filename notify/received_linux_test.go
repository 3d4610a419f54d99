package notify_test

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/notify"
)

// Close takes the count along if a receiver has been served before, even if that receiver has not run
// since.
func TestCloseKnowsOfAReceiverThatHasNotRun(t *testing.T) {
	for name, exportFirst := range map[string]bool{"served when exported": true, "served when private": false} {
		t.Run(name, func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			for range 20 {
				n, err := notify.New()
				if err != nil {
					t.Fatal(err)
				}
				if exportFirst {
					n.FD()
				}
				arrivals := startWaiters(n, contexts(1))
				mustAdd(t, n, 1) // goes to the waiter
				n.FD()
				mustAdd(t, n, 5) // goes to the eventfd
				if err := n.Close(); err != nil {
					t.Error(err)
				}
				left, _ := n.TryWait()
				if got := <-arrivals; got.err != nil || got.count+left != 6 {
					t.Errorf("received %d, %v, and %d after Close, want 6 together", got.count, got.err, left)
				}
			}
		})
	}
}

// A waiter that an Add has claimed counts as one that has received, even if that Add has not run since. One
// that has given up does not, whether an Add has come too late for it or it has not run since.
func TestCloseKnowsWhetherALoneWaiterWasServed(t *testing.T) {
	for name, c := range map[string]struct {
		meet func(n *notify.Notifier) (after func())
		want uint64 // what is received after Close
	}{
		"claimed": {func(n *notify.Notifier) func() {
			send := notify.ServeLone(n)
			return func() { send(1) }
		}, 5},
		"claimed, then shared": {func(n *notify.Notifier) func() {
			send := notify.ServeLone(n)
			n.Handle()
			return func() { send(1) }
		}, 5},
		"gone before the Add": {func(n *notify.Notifier) func() {
			if notify.AddLone(n, 1) {
				t.Error("Add has found a waiter where none is")
			}
			return func() {}
		}, 0},
		"giving up": {func(n *notify.Notifier) func() {
			notify.GiveUpAlone(n)
			return func() {}
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := notify.New()
			if err != nil {
				t.Fatal(err)
			}
			after := c.meet(n)
			peer, err := notify.FromFD(dup(t, n.FD()))
			if err != nil {
				t.Fatal(err)
			}
			defer peer.Close()
			mustAdd(t, n, 5)
			n.Close()
			wantTryWait(t, "after Close", n, c.want)
			wantTryWait(t, "of the other holder", peer, 5-c.want)
			after()
		})
	}
}

// A receiver receives once.
type receiver func(*notify.Notifier) uint64

func waitOnce(n *notify.Notifier) uint64 { count, _ := n.Wait(background); return count }

func tryOnce(n *notify.Notifier) uint64 { count, _ := n.TryWait(); return count }

func tryOften(n *notify.Notifier) uint64 {
	for {
		if count, ok := n.TryWait(); ok {
			return count
		}
		hammer.Yield()
	}
}

// eachReceiver calls round, with its number and a new Notifier, again and again for each receiver.
func eachReceiver(t *testing.T, receivers map[string]receiver, round func(t *testing.T, i int, n *notify.Notifier, receive receiver)) {
	if !mode.First() {
		return
	}
	for name, receive := range receivers {
		t.Run(name, func(t *testing.T) {
			i := 0
			hammer.For(2*time.Second, 1, func() {
				n, err := notify.New()
				if err != nil {
					t.Error(err)
					return
				}
				i++
				round(t, i, n, receive)
			})
		})
	}
}

// What is added before Close is received, if anything is, by a receiver that runs at the same time or
// after Close.
func TestFirstReceiverMeetsClose(t *testing.T) {
	eachReceiver(t, map[string]receiver{"TryWait": tryOnce, "Wait": waitOnce}, func(t *testing.T, i int, n *notify.Notifier, receive receiver) {
		if i%2 == 0 {
			n.FD()
		}
		mustAdd(t, n, 1)
		got := make(chan uint64)
		go func() { got <- receive(n) }()
		for range i % 500 {
			spins.Add(1) // takes time
		}
		n.FD()
		mustAdd(t, n, 5)
		n.Close()
		first := <-got
		left, _ := n.TryWait()
		if first > 0 && first+left != 6 {
			t.Errorf("round %d: received %d, and %d after Close, want 6 together", i, first, left)
		}
	})
}

// A receiver that polls, or is about to wait, while the first count comes counts as one that has received:
// what is added after that is received after Close.
func TestFirstReceiverMeetsTheFirstSignal(t *testing.T) {
	eachReceiver(t, map[string]receiver{"TryWait": tryOften, "Wait": waitOnce}, func(t *testing.T, i int, n *notify.Notifier, receive receiver) {
		var begun atomic.Bool
		got := make(chan uint64)
		go func() { begun.Store(true); got <- receive(n) }()
		for !begun.Load() {
			runtime.Gosched()
		}
		for range i % 97 {
			spins.Add(1) // takes time
		}
		mustAdd(t, n, 1)
		if first := <-got; first != 1 {
			t.Errorf("round %d: received %d, want 1", i, first)
		}
		n.FD()
		mustAdd(t, n, 5)
		n.Close()
		if left, _ := n.TryWait(); left != 5 {
			t.Errorf("round %d: received %d after Close, want 5", i, left)
		}
	})
}

var spins atomic.Int64
