package semaphore_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/semaphore"
)

// tooMany is the text with which x/sync panics.
const tooMany = "semaphore: released more than held"

// newWeighted returns a Semaphore with a size, in the current mode unless that is "exported", in
// which a size has no effect.
func newWeighted(t testing.TB, n int64) *semaphore.Semaphore {
	t.Helper()
	s := semaphore.NewWeighted(n)
	if mode.Is("handle") && s.Handle() == nil {
		t.Fatal("Handle = nil")
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// A Release past the size panics and adds nothing, whether permits are held or free.
func TestReleasePastTheSizePanics(t *testing.T) {
	for _, size := range []int64{0, 1, 5, 1 << 59, 1<<59 + 3, math.MaxInt64} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			s := newWeighted(t, size)
			past := func(n int64) {
				t.Helper()
				before, _ := s.Count()
				wantPanic(t, fmt.Sprintf("Release(%d)", n), tooMany, func() { s.Release(n) })
				wantCount(t, s, before)
			}
			past(1)
			past(math.MaxInt64)
			if size == 0 {
				return
			}
			mustAcquire(t, s, size)
			if size < math.MaxInt64 {
				past(size + 1)
			}
			s.Release(size)
			past(1)
			wantTry(t, s, 1, true)
			past(2)
			s.Release(1)
			past(1)
			wantTry(t, s, size, true)
		})
	}
}

// A waiter for more permits than are free makes Release take the lock. The size is checked there
// as well, and a Release that is not past it reaches the waiter.
func TestReleasePastTheSizeWhileOthersWait(t *testing.T) {
	s := newWeighted(t, 3)
	mustAcquire(t, s, 2)
	c := newCrowd(s)
	waiter := c.join(background, 3)
	wantPanic(t, "Release(3)", tooMany, func() { s.Release(3) })
	wantCount(t, s, 1)
	s.Release(2)
	c.want(t, waiter, nil)
	s.Release(3)
	wantPanic(t, "Release(1)", tooMany, func() { s.Release(1) })
}

// The permit that C has reserved is not held, so it cannot be released.
func TestReservedPermitIsNotHeld(t *testing.T) {
	s := newWeighted(t, 2)
	c := s.C()
	for range 3 {
		wantPanic(t, "Release(1)", tooMany, func() { s.Release(1) })
		mustAcquire(t, s, 2) // C gives its permit back, and waits
		wantPanic(t, "Release(3)", tooMany, func() { s.Release(3) })
		s.Release(1)
		<-c
		wantPanic(t, "Release(3)", tooMany, func() { s.Release(3) })
		s.Release(1)
		s.Release(1)
	}
	wantPanic(t, "Release(1)", tooMany, func() { s.Release(1) })
}

// A permit that was received from C can be released immediately, even if the goroutine that sent
// it has not run since, and even if C has reserved the next permit by then.
func TestReleaseOfAReceivedPermit(t *testing.T) {
	for size := int64(1); size <= 2; size++ {
		for free := int64(1); free <= size; free++ {
			t.Run(fmt.Sprintf("%d of %d free", free, size), func(t *testing.T) {
				s := newWeighted(t, size)
				c := s.C()
				mustAcquire(t, s, size-free)
				hammer.For(time.Second/2, 1, func() {
					<-c
					s.Release(1)
				})
				hammer.Eventually(t, func() string { return "C does not reserve a permit" }, func() bool {
					count, err := s.Count()
					return count == free-1 && err == nil
				})
				wantPanic(t, "Release", tooMany, func() { s.Release(size - free + 1) })
			})
		}
	}
}

// An Acquire of more than the size ends with its context, or with Close, and does not keep others
// waiting.
func TestAcquireOfMoreThanTheSize(t *testing.T) {
	s := newWeighted(t, 2)
	ctx, cancel := context.WithCancel(background)
	errs := make(chan error)
	for _, ctx := range []context.Context{ctx, ctx, background} {
		go func() { errs <- s.Acquire(ctx, 3) }()
	}
	for semaphore.Apart(s) < 3 {
		hammer.Yield()
	}
	mustAcquire(t, s, 2)
	wantTry(t, s, 3, false)
	s.Release(2)
	mustAcquire(t, s, 1)
	cancel()
	for range 2 {
		wantIs(t, "Acquire(3)", <-errs, context.Canceled)
	}
	wantIs(t, "Acquire(3) with an ended context", s.Acquire(ctx, 3), context.Canceled)
	s.Close()
	wantIs(t, "Acquire(3)", <-errs, os.ErrClosed)
	wantIs(t, "Acquire(3) after Close", s.Acquire(background, 3), os.ErrClosed)
	if n := semaphore.Apart(s); n != 0 {
		t.Errorf("%d goroutines wait after Close, want none", n)
	}
}

func TestSizeIsNotNegative(t *testing.T) {
	wantPanic(t, "NewWeighted(-1)", "NewWeighted(-1)", func() { semaphore.NewWeighted(-1) })
	s := newWeighted(t, 0)
	mustAcquire(t, s, 0)
	wantTry(t, s, 0, true)
	wantTry(t, s, 1, false)
	wantPanic(t, "Release(-1)", "Release(-1)", func() { s.Release(-1) })
	s.Close()
	s.Release(1) // has no effect after Close, and therefore does not panic
}

// Goroutines of a bubble can wait for more than the size of a Semaphore that another bubble has
// used before.
func TestAcquireOfMoreThanTheSizeInABubble(t *testing.T) {
	if !mode.Is("private") {
		return
	}
	s := semaphore.NewWeighted(1)
	for range 2 {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			var failed atomic.Bool
			go func() { failed.Store(s.Acquire(ctx, 2) != nil) }()
			synctest.Wait()
			mustAcquire(t, s, 1)
			s.Release(1)
			cancel()
			synctest.Wait()
			if !failed.Load() {
				t.Error("Acquire(2) does not see that its context has ended")
			}
		})
	}
}

// Goroutines never hold more permits than the size, and each Release of too many panics, in
// whichever goroutine.
func TestSizeUnderLoad(t *testing.T) {
	const goroutines, size = 8, 3
	rounds := hammer.Rounds(4000)
	s := newWeighted(t, size)
	var held, panics atomic.Int64
	var wg sync.WaitGroup
	for i := range goroutines {
		wg.Go(func() {
			for round := range rounds {
				n := 1 + int64((i+round)%16/15)
				mustAcquire(t, s, n)
				if now := held.Add(n); now > size {
					t.Errorf("%d permits are held, want at most %d", now, size)
				}
				func() {
					defer func() {
						if recover() != nil {
							panics.Add(1)
						}
					}()
					s.Release(size + 1)
				}()
				held.Add(-n)
				s.Release(n)
			}
		})
	}
	wg.Wait()
	wantCount(t, s, size)
	if got, want := panics.Load(), int64(goroutines*rounds); got != want {
		t.Errorf("%d Releases of %d permits panicked, want all %d", got, size+1, want)
	}
}
