package semaphore_test

import (
	"context"
	"math"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/semaphore"
)

func TestWaitersAreServedInOrder(t *testing.T) { eachWay(t, waitersAreServedInOrder) }

func waitersAreServedInOrder(t *testing.T, release func(*semaphore.Semaphore, int64)) {
	s := mustNew(t, 0)
	c := newCrowd(s)
	for range 50 {
		c.join(background, 1)
	}
	for waiter := range 50 {
		release(s, 1)
		c.want(t, waiter, nil)
	}
}

// A waiter that needs more permits than are free is not overtaken.
func TestLargeAcquireIsNotStarved(t *testing.T) { eachWay(t, largeAcquireIsNotStarved) }

func largeAcquireIsNotStarved(t *testing.T, release func(*semaphore.Semaphore, int64)) {
	s := mustNew(t, 0)
	c := newCrowd(s)
	large := c.join(background, 3)
	small := c.join(background, 1)
	release(s, 2)
	wantTry(t, s, 1, false)
	wantCount(t, s, 2) // the waiter holds no permits
	release(s, 1)
	c.want(t, large, nil)
	release(s, 1)
	c.want(t, small, nil)
}

func TestCancelledLargeAcquireLetsOthersGoOn(t *testing.T) {
	s := mustNew(t, 2)
	c := newCrowd(s)
	ctx, cancel := context.WithCancel(background)
	large := c.join(ctx, 3)
	small := c.join(background, 1)
	cancel()
	// Either can be the first to wake up.
	for range 2 {
		got := <-c.arrivals
		if got.waiter == large {
			wantIs(t, "the canceled Acquire", got.err, context.Canceled)
		} else if got.waiter != small || got.err != nil {
			t.Errorf("waiter %d got %v", got.waiter, got.err)
		}
	}
	wantCount(t, s, 1)
}

func TestCancellingOneOfHundredDisturbsNone(t *testing.T) {
	eachWay(t, cancellingOneOfHundredDisturbsNone)
}

func cancellingOneOfHundredDisturbsNone(t *testing.T, release func(*semaphore.Semaphore, int64)) {
	s := mustNew(t, 0)
	c := newCrowd(s)
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	for i := range 100 {
		if i == 42 {
			c.join(ctx, 1)
		} else {
			c.join(background, 1)
		}
	}
	cancel()
	c.want(t, 42, context.Canceled)
	for waiter := range 100 {
		if waiter != 42 {
			release(s, 1)
			c.want(t, waiter, nil)
		}
	}
	wantCount(t, s, 0)
}

// The permit goes to the next waiter.
func TestAcquireWhoseContextEndedFirstFails(t *testing.T) {
	eachWay(t, acquireWhoseContextEndedFirstFails)
}

func acquireWhoseContextEndedFirstFails(t *testing.T, release func(*semaphore.Semaphore, int64)) {
	for range hammer.Rounds(2000) {
		s := mustNew(t, 0)
		c := newCrowd(s)
		ctx, cancel := context.WithCancel(background)
		first := c.join(ctx, 1)
		second := c.join(background, 1)
		cancel()
		release(s, 1)
		for range 2 {
			got := <-c.arrivals
			if got.waiter == first {
				wantIs(t, "the canceled Acquire", got.err, context.Canceled)
			} else if got.waiter != second || got.err != nil {
				t.Fatalf("waiter %d got %v", got.waiter, got.err)
			}
		}
		s.Close()
	}
}

func TestCloseWakesWaiters(t *testing.T) {
	s := mustNew(t, 1)
	c := newCrowd(s)
	for n := range int64(20) {
		c.join(background, 2+n)
	}
	s.Close()
	for range 20 {
		got := <-c.arrivals
		wantIs(t, "Acquire", got.err, os.ErrClosed)
	}
}

// A Release for which the counter has no room adds nothing, not even what a waiter lacks.
func TestReleaseThatPanicsAddsNothing(t *testing.T) {
	if !mode.Is("private") {
		return
	}
	oneAtATime(t)
	s := mustNew(t, 0)
	got := make(chan error)
	go func() { got <- s.Acquire(background, 1) }()
	for semaphore.Waiting(s) == 0 {
		runtime.Gosched()
	}
	s.Release(1) // wakes the waiter, which does not run
	s.Release(math.MaxInt64)
	s.Release(math.MaxInt64 - 1) // now the counter is full
	for begin := time.Now(); time.Since(begin) < 200*time.Microsecond; {
	} // now permits are handed to the waiter, which is not overtaken any more
	wantPanic(t, "Release(2)", "Release(2)", func() { s.Release(2) })
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	wantTry(t, s, math.MaxInt64, true)
	wantTry(t, s, math.MaxInt64-1, true)
	wantTry(t, s, 1, false)
}

// An Acquire whose context was done before the Release fails, even if Close is called before its
// goroutine runs. The exception are permits in an eventfd: they cannot be put back after Close, so
// that Acquire has them.
func TestCanceledAcquireFailsEvenIfCloseFollows(t *testing.T) {
	if mode.Is("exported") {
		return
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that the waiter does not run before Close
	for range 10 {
		s := mustNew(t, 0)
		ctx, cancel := context.WithCancel(background)
		crowd := newCrowd(s)
		waiter := crowd.join(ctx, 3)
		cancel()
		s.Release(3) // is granted to the waiter
		s.Close()
		crowd.want(t, waiter, context.Canceled)
	}
}
