package notify_test

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/notify"
)

func TestWaitersAreServedInOrder(t *testing.T) { eachWay(t, waitersAreServedInOrder) }

func waitersAreServedInOrder(t *testing.T, add func(testing.TB, *notify.Notifier, uint64)) {
	n := mustNew(t)
	arrivals := startWaiters(n, contexts(50))
	for i := range 50 {
		add(t, n, uint64(100+i))
		if got := <-arrivals; got.waiter != i || got.count != uint64(100+i) || got.err != nil {
			t.Errorf("signal %d reached waiter %d as %d, %v", i, got.waiter, got.count, got.err)
		}
	}
}

// A count that comes while a goroutine is waiting belongs to that waiter.
func TestTryWaitDoesNotOvertake(t *testing.T) { eachWay(t, tryWaitDoesNotOvertake) }

func tryWaitDoesNotOvertake(t *testing.T, add func(testing.TB, *notify.Notifier, uint64)) {
	n := mustNew(t)
	for range 2000 {
		arrivals := startWaiters(n, contexts(1))
		add(t, n, 1)
		if got, ok := n.TryWait(); ok {
			t.Fatalf("TryWait = %d, true, but a goroutine is waiting", got)
		}
		if got := <-arrivals; got.count != 1 {
			t.Fatalf("the waiter got %d, %v; want 1", got.count, got.err)
		}
	}
}

func TestCancellingOneOfHundredDisturbsNone(t *testing.T) {
	eachWay(t, cancellingOneOfHundredDisturbsNone)
}

func cancellingOneOfHundredDisturbsNone(t *testing.T, add func(testing.TB, *notify.Notifier, uint64)) {
	n := mustNew(t)
	ctxs := contexts(100)
	var cancel context.CancelFunc
	ctxs[42], cancel = context.WithCancel(background)
	arrivals := startWaiters(n, ctxs)
	cancel()
	if got := <-arrivals; got.waiter != 42 || got.err != context.Canceled || got.count != 0 {
		t.Errorf("waiter %d got %d, %v; want 42 to get context.Canceled", got.waiter, got.count, got.err)
	}
	for i := range 100 {
		if i == 42 {
			continue
		}
		add(t, n, 1)
		if got := <-arrivals; got.waiter != i || got.count != 1 {
			t.Errorf("waiter %d got %d, %v; want waiter %d to get 1", got.waiter, got.count, got.err, i)
		}
	}
	add(t, n, 3)
	if got, ok := n.TryWait(); got != 3 || !ok {
		t.Errorf("TryWait = %d, %v; want 3, true, because all waiters are gone", got, ok)
	}
}

// Any goroutine can take the count once the only waiter has given up.
func TestCanceledWaiterHasNoClaim(t *testing.T) { eachWay(t, canceledWaiterHasNoClaim) }

func canceledWaiterHasNoClaim(t *testing.T, add func(testing.TB, *notify.Notifier, uint64)) {
	n := mustNew(t)
	ctx, cancel := context.WithCancel(background)
	arrivals := startWaiters(n, []context.Context{ctx})
	cancel()
	if got := <-arrivals; got.err != context.Canceled {
		t.Errorf("the waiter got %d, %v; want context.Canceled", got.count, got.err)
	}
	add(t, n, 3)
	if got, ok := n.TryWait(); got != 3 || !ok {
		t.Errorf("TryWait = %d, %v; want 3, true", got, ok)
	}
}

func TestCloseWakesWaiters(t *testing.T) {
	n := mustNew(t)
	arrivals := startWaiters(n, contexts(20))
	n.Close()
	for range 20 {
		if got := <-arrivals; got.count != 0 || !errors.Is(got.err, os.ErrClosed) {
			t.Errorf("waiter %d got %d, %v; want os.ErrClosed", got.waiter, got.count, got.err)
		}
	}
}

// A signal can come at any moment while a waiter goes to sleep. If one were missed, its round would
// never end.
func TestNoWakeUpIsLost(t *testing.T) { eachWay(t, noWakeUpIsLost) }

func noWakeUpIsLost(t *testing.T, add func(testing.TB, *notify.Notifier, uint64)) {
	for name, receive := range map[string]func(n *notify.Notifier) uint64{
		"Wait": func(n *notify.Notifier) uint64 { count, _ := n.Wait(background); return count },
		"C":    func(n *notify.Notifier) uint64 { return <-n.C() },
	} {
		t.Run(name, func(t *testing.T) {
			n, turn := mustNew(t), make(chan int)
			rounds := hammer.Rounds(20000)
			go func() {
				defer close(turn)
				for round := range rounds {
					for range round % 64 { // meet the receiver at another step each time
						notify.Waiting(n)
					}
					add(t, n, 1)
					<-turn
				}
			}()
			for round := range rounds {
				if got := receive(n); got != 1 {
					t.Fatalf("round %d: received %d, want 1", round, got)
				}
				turn <- round
			}
			<-turn
		})
	}
}

// The sum received is the sum added, however it was added, while waiters are canceled at random and C and
// TryWait compete with them.
func TestConservation(t *testing.T) {
	n := mustNew(t)
	var received atomic.Uint64
	var receivers, senders sync.WaitGroup
	for i := range 4 {
		receivers.Go(func() {
			for {
				ctx, cancel := context.WithTimeout(background, time.Duration(1+i)*100*time.Microsecond)
				count, err := n.Wait(ctx)
				cancel()
				received.Add(count)
				if errors.Is(err, os.ErrClosed) {
					return
				}
			}
		})
	}
	receivers.Go(func() {
		for count := range n.C() {
			received.Add(count)
		}
	})
	signals := hammer.Rounds(100_000)
	for _, way := range anySize {
		senders.Go(func() {
			for range signals {
				way.add(t, n, 1)
			}
		})
		senders.Go(func() {
			for range signals {
				way.add(t, n, 1)
				count, _ := n.TryWait()
				received.Add(count)
			}
		})
	}
	senders.Wait()
	n.Close()
	receivers.Wait()
	if got, want := received.Load(), uint64(2*len(anySize)*signals); got != want {
		t.Errorf("received %d, added %d", got, want)
	}
}

// Whenever Close is called, each count for which Add returned nil is delivered, all calls return, and
// nothing is written to an unrelated file, even if descriptor numbers are reused immediately.
func TestCloseAgainstEverything(t *testing.T) {
	stop := hammer.ReuseNumbers(t)
	defer stop()
	hammer.For(time.Second, 4, func() {
		n, err := mode.Notifier()
		if err != nil {
			t.Error(err)
			return
		}
		var added, received atomic.Uint64
		var wg sync.WaitGroup
		c := n.C() // so that a count can be delivered at any moment
		wg.Go(func() {
			for n.Add(3) == nil {
				added.Add(3)
				hammer.Yield()
			}
		})
		wg.Go(func() {
			for count := range c {
				received.Add(count)
			}
		})
		wg.Go(func() {
			for {
				count, err := n.Wait(background)
				received.Add(count)
				if err != nil {
					return
				}
			}
		})
		wg.Go(func() {
			n.Count()
			if file, err := n.File(); err == nil {
				file.Close()
			}
			count, _ := n.TryWait()
			received.Add(count)
			n.Close()
		})
		wg.Wait()
		if got, want := received.Load(), added.Load(); got != want {
			t.Errorf("received %d, added %d", got, want)
		}
	})
}
