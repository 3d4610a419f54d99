package word_test

import (
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/word"
)

// The sum is conserved, whichever methods add and take while flags are set and cleared.
func TestSumIsConservedWhileFlagsFlip(t *testing.T) {
	var w word.Word
	var added, taken atomic.Uint64
	var turn atomic.Uint32
	got := func(n uint64) { taken.Add(n) }
	gotIf := func(ok bool, n uint64) {
		if ok {
			taken.Add(n)
		}
	}
	addedIf := func(ok bool, n uint64) {
		if ok {
			added.Add(n)
		}
	}
	steps := []func(){
		func() { addedIf(w.Add(7), 7) },
		func() { addedIf(w.Add(1), 1) },
		func() { addedIf(w.AddHeld(5), 5) },
		func() { outside(&w).Add(11); added.Add(11) },
		func() { got(w.TakeAll()) },
		func() { gotIf(w.Take(3), 3) },
		func() { gotIf(w.TakeHeld(13), 13) },
		func() { got(w.TakeUpTo(17)) },
		func() { w.Sleep(2, word.Ring) },
		func() { w.Sleep(math.MaxUint64, 0) },
		func() { w.Set(word.Held) },
		func() { outside(&w).And(^uint64(word.Ring)) },
	}
	hammer.For(300*time.Millisecond, 4, func() {
		first := int(turn.Add(5))
		for i := range 100 * len(steps) {
			steps[(first+i*(1+first%3))%len(steps)]()
		}
	})
	n, _ := w.Swap(word.Closed)
	if added.Load() != taken.Load()+n {
		t.Errorf("%d added, %d taken, %d left", added.Load(), taken.Load(), n)
	}
}

// While the owner holds its lock and has put the word to sleep with Held, the count is 0 and
// stays 0. Otherwise a consumer could sleep although there is a count.
func TestSleepNeverSucceedsPastACount(t *testing.T) {
	var w word.Word
	var mu sync.Mutex
	var added, taken atomic.Uint64
	add := func() {
		for w.Addable(1) {
			if w.Add(1) {
				added.Add(1)
				return
			}
		}
		mu.Lock()
		defer mu.Unlock()
		w.AddHeld(1)
		added.Add(1)
	}
	stop := make(chan struct{})
	var owner sync.WaitGroup
	owner.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			mu.Lock()
			for !w.Sleep(1, word.Held) {
				taken.Add(w.TakeUpTo(math.MaxUint64))
			}
			for range 20 {
				if n := w.Count(); n != 0 {
					t.Errorf("asleep past a count of %d", n)
				}
			}
			w.Sleep(math.MaxUint64, 0)
			mu.Unlock()
			hammer.Yield()
		}
	})
	hammer.For(300*time.Millisecond, 2, add)
	close(stop)
	owner.Wait()
	if left := w.Count(); added.Load() != taken.Load()+left {
		t.Errorf("%d added, %d taken, %d left", added.Load(), taken.Load(), left)
	}
}

// The owner sleeps with Ring alone, and the signalers take no lock. If a ring were
// lost, the owner would never wake up.
func TestNoRingIsLost(t *testing.T) {
	var w word.Word
	bell := make(chan struct{}, 1)
	rounds := uint64(100_000)
	if testing.Short() {
		rounds /= 4
	}
	for range 2 {
		go func() {
			for range rounds {
				if old := outside(&w).Add(1) - 1; old&word.Ring != 0 && outside(&w).And(^uint64(word.Ring))&word.Ring != 0 {
					select {
					case bell <- struct{}{}:
					default: // it has been rung already
					}
				}
			}
		}()
	}
	for got := uint64(0); got < 2*rounds; {
		if w.Sleep(1, word.Ring) {
			select {
			case <-bell:
			case <-time.After(30 * time.Second):
				t.Fatalf("asleep after %d of %d, with %d in the word", got, 2*rounds, w.Count())
			}
		}
		got += w.TakeUpTo(math.MaxUint64)
	}
}

func TestNothingIsAddedPastFull(t *testing.T) {
	w := filled(word.Full-1000, 0)
	var turn atomic.Uint64
	hammer.For(200*time.Millisecond, 4, func() {
		switch n := 1 + turn.Add(1)%300; n % 3 {
		case 0:
			w.Add(n)
		case 1:
			w.AddHeld(n)
		case 2:
			w.TakeUpTo(n)
		}
		if got := w.Count(); got > word.Full {
			t.Errorf("there are %#x, want at most %#x", got, uint64(word.Full))
		}
	})
}

// Swap decides in one atomic operation which additions came in time.
func TestSwapLosesNothing(t *testing.T) {
	hammer.For(300*time.Millisecond, 1, func() {
		var w word.Word
		var ready sync.WaitGroup
		ready.Add(1)
		added := make(chan uint64)
		go func() {
			var n uint64
			for ; outside(&w).Add(1)&word.Closed == 0; n++ {
				if n == 0 {
					ready.Done()
				}
				hammer.Yield()
			}
			added <- n
		}()
		ready.Wait()
		got, _ := w.Swap(word.Closed)
		if want := <-added; got != want {
			t.Errorf("%d came in time, Swap has found %d", want, got)
		}
	})
}
