package notify_test

import (
	"context"
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

// receivers are the ways to take what is pending. They return 0 if there is nothing.
var receivers = map[string]func(*testing.T, *notify.Notifier) uint64{
	"Wait": func(t *testing.T, n *notify.Notifier) uint64 {
		count, err := n.Wait(background)
		if count == 0 {
			wantIs(t, "Wait", err, os.ErrClosed)
		}
		return count
	},
	"TryWait": func(t *testing.T, n *notify.Notifier) uint64 {
		count, ok := n.TryWait()
		if ok != (count > 0) {
			t.Errorf("TryWait = %d, %v", count, ok)
		}
		return count
	},
	"C": func(t *testing.T, n *notify.Notifier) uint64 { return <-n.C() },
}

// What is pending at Close is received by the first call after it, in whatever way,
// and once.
func TestPendingAtCloseIsReceivedAfterIt(t *testing.T) {
	for name, receive := range receivers {
		t.Run(name, func(t *testing.T) {
			n := mustNew(t)
			mustAdd(t, n, 1)
			wantWait(t, n, 1) // by which an exported one receives
			mustAdd(t, n, 7)
			if err := n.Close(); err != nil {
				t.Fatal(err)
			}
			ended, cancel := context.WithCancel(background)
			cancel()
			if got, err := n.Wait(ended); got != 0 || err == nil {
				t.Errorf("Wait with an ended context = %d, %v; want an error", got, err)
			}
			if got := receive(t, n); got != 7 {
				t.Errorf("received %d after Close, want 7", got)
			}
			for name, receive := range receivers {
				if got := receive(t, n); got != 0 {
					t.Errorf("%s received %d more", name, got)
				}
			}
		})
	}
}

// A goroutine that ranges over C can begin at any moment, also after Close.
func TestRangeOverCThatBeginsLate(t *testing.T) {
	hammer.For(time.Second/4, 2, func() {
		n := mustNew(t)
		sum := make(chan uint64)
		go func() {
			var got uint64
			for count := range n.C() {
				got += count
			}
			sum <- got
		}()
		for range rand.IntN(3) {
			runtime.Gosched()
		}
		mustAdd(t, n, 1)
		if got, _ := n.TryWait(); got > 0 {
			mustAdd(t, n, got) // by which an exported one receives
		}
		mustAdd(t, n, 7)
		n.Close()
		if got := <-sum; got != 8 && !mode.Is("exported") || got > 8 {
			t.Errorf("received %d, want 8", got)
		}
	})
}

// Of an exported Notifier that has only signaled, the count stays for others.
func TestCloseLeavesTheCountToThoseWhoReceive(t *testing.T) {
	n := mustNew(t)
	twin, err := notify.FromFD(dup(t, n.FD()))
	if err != nil {
		t.Fatal(err)
	}
	defer twin.Close()
	mustAdd(t, n, 5)
	n.Close()
	for name, receive := range receivers {
		if got := receive(t, n); got != 0 {
			t.Errorf("%s of the closed one received %d, want 0", name, got)
		}
	}
	wantWait(t, twin, 5)
}

// A sum that no uint64 holds is received in pieces, also after Close.
func TestPiecesAreReceivedAfterClose(t *testing.T) {
	for name, receive := range receivers {
		t.Run(name, func(t *testing.T) {
			n, err := notify.New()
			if err != nil {
				t.Fatal(err)
			}
			h := n.Handle()
			mustAdd(t, n, notify.MaxCount)
			handletest.Signal(h, 1000) // beside what the word holds
			n.Close()
			var low, carries uint64
			for got := receive(t, n); got != 0; got = receive(t, n) {
				before := low
				if low += got; low < before {
					carries++
				}
			}
			if low != 998 || carries != 1 {
				t.Errorf("received %d and %d times 2^64, want 998 and once", low, carries)
			}
		})
	}
}
