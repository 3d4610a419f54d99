package semaphore_test

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/semaphore"
)

// leadingWaits is more than the number of waits after which a goroutine leads.
const leadingWaits = 12

// An Acquire whose ctx ends before the permits are released takes none, at whatever moment of it that is, as
// in x/sync. Also where it looked at ctx before and finds the permits without waiting.
func TestContextEndsBeforeTheRelease(t *testing.T) {
	for _, permits := range []int64{1, 2} {
		t.Run(fmt.Sprint(permits), func(t *testing.T) {
			eachWay(t, func(t *testing.T, release func(*semaphore.Semaphore, int64)) {
				hammer.EndEach(func(ctx context.Context, after *func()) {
					s := mustNew(t, 0)
					defer s.Close()
					*after = func() { release(s, permits) }
					ended := make(chan error, 1)
					go func() { ended <- s.Acquire(ctx, permits) }()
					for semaphore.Waiting(s) == 0 && len(ended) == 0 {
						runtime.Gosched()
					}
					if semaphore.Waiting(s) > 0 {
						return // the last round: the ctx has not ended, and Close ends Acquire
					}
					wantIs(t, "Acquire", <-ended, context.Canceled)
					wantTry(t, s, permits, true)
				})
			})
		})
	}
}

// Methods of a context can use the Semaphore, because Acquire does not call them with the lock held.
func TestContextUsesTheSemaphore(t *testing.T) {
	eachWay(t, func(t *testing.T, release func(*semaphore.Semaphore, int64)) {
		s := mustNew(t, 0)
		inner, cancel := context.WithCancel(background)
		var closing atomic.Bool
		ctx := &hammer.HookedContext{Context: inner, Hook: func() {
			s.Count()
			if closing.Load() {
				t.Error("Close calls a method of the context")
			}
		}}
		for i := range int64(leadingWaits) {
			c := newCrowd(s)
			waiter := c.join(ctx, 1+i%2)
			release(s, 1+i%2)
			c.want(t, waiter, nil)
		}
		c := newCrowd(s)
		waiter := c.join(ctx, 1)
		cancel()
		c.want(t, waiter, context.Canceled)
		closing.Store(true)
		s.Close()
	})
}

// No method of a context is called while its Acquire has permits: it could wait for a goroutine that needs them.
func TestContextOfAnAcquireThatDoesNotWait(t *testing.T) {
	for _, permits := range []int64{1, 2} {
		t.Run(fmt.Sprint(permits), func(t *testing.T) {
			eachWay(t, func(t *testing.T, release func(*semaphore.Semaphore, int64)) {
				s := mustNew(t, 0)
				defer s.Close()
				inner, cancel := context.WithCancel(background)
				defer cancel()
				ctx := &hammer.HookedContext{Context: inner, Hook: func() {
					if s.TryAcquire(permits) {
						release(s, permits)
					} else {
						t.Error("a method of the context is called while Acquire has the permits")
					}
				}}
				release(s, permits)
				if err := s.Acquire(ctx, permits); err != nil {
					t.Errorf("Acquire(%d) = %v", permits, err)
				}
			})
		})
	}
}

// A context that panics ends its own Acquire, and harms nothing else: no permit is lost, and no other
// waiter sleeps on.
func TestContextPanics(t *testing.T) {
	for _, permits := range []int64{1, 2} {
		t.Run(fmt.Sprint(permits), func(t *testing.T) {
			eachWay(t, func(t *testing.T, release func(*semaphore.Semaphore, int64)) {
				other := mustNew(t, 0)
				hammer.PanicEach(func(ctx context.Context, cancel func()) {
					contextPanics(t, ctx, cancel, permits, release, other)
				})
			})
		})
	}
}

func contextPanics(t *testing.T, ctx context.Context, cancel func(), permits int64, release func(*semaphore.Semaphore, int64), other *semaphore.Semaphore) {
	s := mustNew(t, 0)
	missing := 0
	var err error
	for i := 1; err == nil; i++ {
		ended := make(chan error, 1)
		go func() { ended <- hammer.Recover(func() error { return s.Acquire(ctx, permits) }) }()
		for semaphore.Waiting(s) == 0 && len(ended) == 0 {
			runtime.Gosched()
		}
		if i == leadingWaits {
			cancel()
		} else {
			release(s, permits)
			missing++
		}
		if err = <-ended; err == nil {
			missing--
		}
	}
	if waiting := semaphore.Waiting(s); waiting > 0 {
		t.Fatalf("%d goroutines are waiting after %v, want 0", waiting, err)
	}
	limit, end := context.WithTimeout(background, 10*time.Second)
	defer end()
	for range missing {
		if err := s.Acquire(limit, permits); err != nil {
			t.Fatalf("Acquire(%d) of released permits = %v", permits, err)
		}
	}
	c := newCrowd(other)
	waiter := c.join(limit, 1)
	release(other, 1)
	c.want(t, waiter, nil)
	s.Close()
}

// That also holds for an Acquire of more permits than the size, which waits apart from the queue.
func TestContextOfAnAcquireThatWaitsApart(t *testing.T) {
	hammer.PanicEach(func(ctx context.Context, cancel func()) {
		s := semaphore.NewWeighted(1)
		defer s.Close()
		ended := make(chan error, 1)
		go func() { ended <- hammer.Recover(func() error { return s.Acquire(ctx, 2) }) }()
		for semaphore.Apart(s) == 0 && len(ended) == 0 {
			runtime.Gosched()
		}
		cancel()
		if err := <-ended; err == nil {
			t.Error("Acquire(2) of 1 permit = nil")
		}
		if apart := semaphore.Apart(s); apart > 0 {
			t.Errorf("%d goroutines wait for more permits than there are, want 0", apart)
		}
	})
}

// A context that is done and has no error does not make Acquire return as if it had a permit.
func TestContextWithoutAnError(t *testing.T) {
	eachWay(t, func(t *testing.T, release func(*semaphore.Semaphore, int64)) {
		s := mustNew(t, 0)
		inner, cancel := context.WithCancel(background)
		ctx := hammer.SilentContext{Context: inner}
		for range leadingWaits {
			c := newCrowd(s)
			waiter := c.join(ctx, 1)
			release(s, 1)
			c.want(t, waiter, nil)
		}
		c := newCrowd(s)
		waiter := c.join(ctx, 1)
		cancel()
		c.want(t, waiter, context.Canceled)
	})
}
