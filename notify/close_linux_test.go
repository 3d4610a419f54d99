package notify_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/hammer"
	"github.com/eventchan/eventchan/internal/handletest"
	"github.com/eventchan/eventchan/internal/mode"
	"github.com/eventchan/eventchan/notify"
)

// A count that has come before Close goes to who waits, though nobody may have had
// the time to bring it to him.
func TestCloseDeliversToWhoWaits(t *testing.T) {
	for name, add := range map[string]func(*notify.Notifier){
		"handle": func(n *notify.Notifier) { handletest.Signal(n.Handle(), 5) },
		"write":  func(n *notify.Notifier) { mustWrite(t, n, 5) },
	} {
		t.Run(name, func(t *testing.T) {
			for range 200 {
				n, err := mode.Notifier()
				if err != nil {
					t.Fatal(err)
				}
				arrivals := startWaiters(n, contexts(2))
				add(n)
				n.Close()
				var sum uint64
				for range 2 {
					got := <-arrivals
					sum += got.count
					if got.count == 0 && !errors.Is(got.err, os.ErrClosed) {
						t.Errorf("a waiter got %d, %v; want os.ErrClosed", got.count, got.err)
					}
				}
				if sum != 5 {
					t.Errorf("the waiters got %d, want 5", sum)
				}
			}
		})
	}
}

// What a thread was told is in time stays in the eventfd for others who hold it,
// though Close comes at any moment.
func TestCloseLeavesWhatCameInTime(t *testing.T) {
	hammer.For(time.Second, 2, func() {
		n, err := notify.New()
		if err != nil {
			t.Error(err)
			return
		}
		h := n.Handle()
		file, err := n.File()
		if err != nil {
			t.Error(err)
			return
		}
		defer file.Close()
		var added atomic.Uint64
		var threads sync.WaitGroup
		for i := range uint64(2) {
			threads.Go(func() {
				for handletest.Signal(h, 1+i) {
					added.Add(1 + i)
				}
			})
		}
		for range rand.IntN(3) {
			runtime.Gosched()
		}
		n.Close()
		threads.Wait()
		var left uint64
		if added.Load() > 0 {
			left = fetch(t, int(file.Fd()))
		}
		if got := added.Load(); got != left {
			t.Errorf("%d came in time, %d are left", got, left)
		}
	})
}

// Close at any moment of the way: whatever came in time is delivered.
func TestCloseOnTheWayOut(t *testing.T) {
	if !mode.Is("private") {
		return
	}
	stop := hammer.Strangers(t)
	defer stop()
	hammer.For(time.Second, 3, func() {
		n, err := notify.New()
		if err != nil {
			t.Error(err)
			return
		}
		c := n.C()
		var added, received atomic.Uint64
		var wg sync.WaitGroup
		for i := range uint64(2) {
			wg.Go(func() {
				for n.Add(1+i) == nil {
					added.Add(1 + i)
				}
			})
		}
		wg.Go(func() {
			h := n.Handle()
			for h != nil && handletest.Signal(h, 5) {
				added.Add(5)
			}
		})
		wg.Go(func() { n.FD() })
		wg.Go(func() {
			for count := range c {
				received.Add(count)
			}
		})
		for range rand.IntN(30) {
			runtime.Gosched()
		}
		n.Close()
		wg.Wait()
		if received.Load() != added.Load() {
			t.Errorf("received %d, added %d", received.Load(), added.Load())
		}
	})
}
