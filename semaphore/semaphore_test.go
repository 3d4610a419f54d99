package semaphore_test

import (
	"context"
	"math"
	"os"
	"testing"

	"github.com/eventchan/eventchan/semaphore"
)

func TestPermitsAreTakenAndReleased(t *testing.T) {
	s := mustNew(t, 2)
	mustAcquire(t, s, 1)
	wantTry(t, s, 1, true)
	wantTry(t, s, 1, false)
	s.Release(5) // the number of permits is not limited
	wantCount(t, s, 5)
	wantTry(t, s, 6, false)
	wantCount(t, s, 5) // all or nothing
	mustAcquire(t, s, 5)
	wantCount(t, s, 0)
}

func TestZeroPermits(t *testing.T) {
	s := mustNew(t, 0)
	mustAcquire(t, s, 0)
	wantTry(t, s, 0, true)
	s.Release(0)
	wantCount(t, s, 0)
	wantIs(t, "Acquire(ended, 0)", s.Acquire(ended(), 0), context.Canceled)
}

func TestEndedContextTakesNothing(t *testing.T) {
	s := mustNew(t, 3)
	if err := s.Acquire(ended(), 1); err != context.Canceled {
		t.Errorf("Acquire = %v, want context.Canceled itself", err)
	}
	wantIs(t, "Acquire(nil)", s.Acquire(nil, 1), os.ErrInvalid) //lint:ignore SA1012 the bad input under test
	wantCount(t, s, 3)
}

func TestMisusePanics(t *testing.T) {
	s := mustNew(t, 0)
	wantPanic(t, "Acquire(-1)", "Acquire(-1)", func() { s.Acquire(background, -1) })
	wantPanic(t, "TryAcquire(-2)", "TryAcquire(-2)", func() { s.TryAcquire(-2) })
	wantPanic(t, "Release(-3)", "Release(-3)", func() { s.Release(-3) })
	s.Release(math.MaxInt64)
	s.Release(math.MaxInt64)
	wantPanic(t, "Release past the maximum", "Release(1)", func() { s.Release(1) })
	wantCount(t, s, math.MaxInt64) // it is twice that, but Count stops there
	wantTry(t, s, 1, true)
	s.Release(1)
}

func TestNewRefusesNegativePermits(t *testing.T) {
	_, err := semaphore.New(-1)
	wantIs(t, "New(-1)", err, os.ErrInvalid)
}

func TestNewHoldsManyPermits(t *testing.T) {
	for _, permits := range []int64{math.MaxUint32, 1 << 32, math.MaxInt64} {
		wantCount(t, mustNew(t, permits), permits)
	}
}

func TestAfterClose(t *testing.T) {
	s := mustNew(t, 4)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, countErr := s.Count()
	_, fileErr := s.File()
	for what, err := range map[string]error{
		"Acquire": s.Acquire(background, 1), "Acquire(0)": s.Acquire(background, 0),
		"Acquire(ended)": s.Acquire(ended(), 1),
		"Count":          countErr, "File": fileErr, "Close": s.Close(),
	} {
		wantIs(t, what+" after Close", err, os.ErrClosed)
	}
	wantTry(t, s, 1, false)
	s.Release(1)
	if fd := s.FD(); fd != -1 {
		t.Errorf("FD = %d after Close, want -1", fd)
	}
	if _, ok := <-s.C(); ok {
		t.Error("C gave a permit after Close")
	}
}

// Acquiring 0 permits succeeds even if a goroutine is waiting.
func TestZeroPermitsAreAlwaysAvailable(t *testing.T) {
	s := mustNew(t, 1)
	c := newCrowd(s)
	large := c.join(background, 3)
	wantTry(t, s, 0, true)
	mustAcquire(t, s, 0)
	s.Release(2)
	c.want(t, large, nil)
	s.Close()
	wantTry(t, s, 0, false)
}
