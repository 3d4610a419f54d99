package semaphore_test

import (
	"context"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/semaphore"
)

// veryMany permits take a minute to acquire, with one read(2) per permit.
const veryMany = 100_000_000

// exported returns an exported Semaphore.
func exported(t *testing.T, permits int64) *semaphore.Semaphore {
	t.Helper()
	s := mustNew(t, permits)
	if s.FD() < 0 {
		t.Fatal("no eventfd")
	}
	return s
}

// promptly fails the test if f takes as long as acquiring a good part of veryMany permits.
func promptly(t *testing.T, what string, f func()) {
	t.Helper()
	begin := time.Now()
	f()
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("%s took %v", what, took)
	}
}

// An Acquire of very many permits obeys its context and puts back what it has.
func TestAcquireOfVeryManyObeysItsContext(t *testing.T) {
	s := exported(t, veryMany)
	ctx, cancel := context.WithTimeout(background, 10*time.Millisecond)
	defer cancel()
	promptly(t, "Acquire with a deadline of 10 ms", func() {
		wantIs(t, "Acquire", s.Acquire(ctx, veryMany), context.DeadlineExceeded)
	})
	wantCount(t, s, veryMany)
	wantTry(t, s, 1, true)
}

// taking starts an Acquire of all n permits, waits until it has taken some, and returns the
// channel of its result.
func taking(t *testing.T, s *semaphore.Semaphore, n int64) <-chan error {
	hammer.NeedsCount(t)
	result := make(chan error, 1)
	go func() { result <- s.Acquire(background, n) }()
	hammer.Eventually(t, func() string { return "Acquire takes nothing" }, func() bool {
		count, err := s.Count()
		return count < n && err == nil
	})
	return result
}

// An Acquire of many permits that does not get them although enough were free, because another process has
// taken some, tries again after a while: otherwise two of them would take a part each, again and again.
func TestAcquireOfManyRetreats(t *testing.T) {
	t.Run("long", func(t *testing.T) {
		s, cancel, result := robbed(t, time.Hour)
		write(s, 1)
		if !semaphore.Retreats(s) {
			t.Error("Acquire does not retreat when enough permits are free")
		}
		cancel()
		wantIs(t, "Acquire", <-result, context.Canceled)
		wantCount(t, s, robbedOf)
	})
	t.Run("short", func(t *testing.T) {
		s, _, result := robbed(t, 1)
		write(s, 1)
		if err := <-result; err != nil {
			t.Errorf("Acquire = %v", err)
		}
	})
}

// A waiter for many permits that becomes the first takes none while too few are free: putting them back
// would be an event for all.
func TestNextWaiterForManyTakesNothingInVain(t *testing.T) {
	hammer.NeedsCount(t)
	s := exported(t, 0)
	c := newCrowd(s)
	first := c.join(background, 1)
	ctx, cancel := context.WithCancel(background)
	many := c.join(ctx, 3000)
	fd := s.FD()
	semaphore.Serve(s, func() { writeTo(fd, 2900) })
	c.want(t, first, nil)
	if semaphore.Roused(s) {
		t.Error("the next waiter was woken, although too few permits are free")
	}
	cancel()
	c.want(t, many, context.Canceled)
	wantCount(t, s, 2899)
}

// The lock is not held until all of several waiters for many permits have theirs.
func TestServeTakesFewPermitsTogether(t *testing.T) {
	hammer.NeedsCount(t)
	s := exported(t, 0)
	const waiters, each = 5, 1000
	c := newCrowd(s)
	for range waiters {
		c.join(background, each)
	}
	fd := s.FD()
	if left := semaphore.Serve(s, func() { writeTo(fd, waiters*each) }); left != waiters-1 {
		t.Errorf("%d waiters are left, want %d", left, waiters-1)
	}
	for range waiters {
		if got := <-c.arrivals; got.err != nil {
			t.Errorf("waiter %d got %v", got.waiter, got.err)
		}
	}
	wantCount(t, s, 0)
}

// Permits that are released while an Acquire takes its permits are added to the count, and not
// granted to that Acquire as well.
func TestReleaseDuringAnAcquireOfMany(t *testing.T) {
	const many = 50_000 // about 50 pieces
	s := exported(t, many)
	result := taking(t, s, many)
	s.Release(many)
	if err := <-result; err != nil {
		t.Errorf("Acquire = %v", err)
	}
	wantCount(t, s, many)
}

// While an Acquire takes very many permits, other calls are not blocked and do not overtake it.
// Close ends it, and all permits stay in the eventfd.
func TestAcquireOfVeryManyDoesNotBlockOthers(t *testing.T) {
	s := exported(t, veryMany)
	rest := twin(t, s)
	result := taking(t, s, veryMany)
	promptly(t, "TryAcquire", func() { wantTry(t, s, 1, false) })
	promptly(t, "Count", func() {
		if _, err := s.Count(); err != nil {
			t.Error(err)
		}
	})
	promptly(t, "Acquire with a deadline of 1 ms", func() {
		ctx, cancel := context.WithTimeout(background, time.Millisecond)
		defer cancel()
		wantIs(t, "Acquire(1)", s.Acquire(ctx, 1), context.DeadlineExceeded)
	})
	promptly(t, "Release", func() { s.Release(1) })
	promptly(t, "Close", func() { s.Close() })
	promptly(t, "the end of Acquire", func() { wantIs(t, "Acquire", <-result, os.ErrClosed) })
	wantCount(t, rest, veryMany+1)
}

// A TryAcquire of very many permits does not block other calls either.
func TestTryAcquireOfVeryManyDoesNotBlockOthers(t *testing.T) {
	s := exported(t, veryMany)
	rest := twin(t, s)
	result := make(chan bool, 1)
	go func() { result <- s.TryAcquire(veryMany) }()
	promptly(t, "Release", func() { s.Release(1) })
	promptly(t, "Close", func() { s.Close() })
	want := int64(veryMany + 1)
	if <-result {
		want = 1
	}
	wantCount(t, rest, want)
}

// A waiter for many permits, which are taken in pieces, holds none while it waits, and is served
// in FIFO order.
func TestWaiterForManyHoldsNothing(t *testing.T) {
	hammer.NeedsCount(t)
	const many = 5000
	s := exported(t, many-1)
	other := twin(t, s)
	crowd := newCrowd(s)
	first := crowd.join(background, many)
	second := crowd.join(background, 1)
	third := crowd.join(background, many)
	hammer.Eventually(t, func() string { return "a waiter holds permits" }, func() bool {
		count, err := other.Count()
		return count == many-1 && err == nil
	})
	wantTry(t, s, 1, false)
	wantTry(t, s, many, false)
	other.Release(1) // as another process does
	crowd.want(t, first, nil)
	s.Release(1)
	crowd.want(t, second, nil)
	s.Release(many)
	crowd.want(t, third, nil)
	wantCount(t, s, 0)
	s.Release(many)
	wantTry(t, s, many+1, false)
	wantTry(t, s, many, true)
	wantCount(t, s, 0)
}

// Permits that are acquired in pieces are neither lost nor doubled, whatever happens in between.
func TestManyPermitsAreConserved(t *testing.T) {
	const permits = 4000
	s := exported(t, permits)
	h := holders{t: t, s: s}
	h.there.Store(permits)
	c := make(chan struct{})
	var receiver sync.WaitGroup
	receiver.Go(func() {
		for {
			select {
			case <-s.C():
				h.hold(1)
			case <-c:
				return
			}
		}
	})
	hammer.For(2*time.Second, 5, func() {
		ctx, cancel := context.WithTimeout(background, time.Duration(rand.Int64N(8000))*time.Microsecond)
		defer cancel()
		switch n := 1 + rand.Int64N(permits); rand.IntN(4) {
		case 0:
			if s.TryAcquire(n) {
				h.hold(n)
			}
		case 1:
			h.acquire(ctx, 2000)
		case 2:
			h.acquire(background, 1+n%8)
		default:
			h.acquire(ctx, n)
		}
	})
	close(c)
	receiver.Wait()
	h.wantAll(true)
}

// An Acquire of many permits does not allocate if it does not wait.
func TestAcquireOfManyDoesNotAllocate(t *testing.T) {
	const many = 1100 // more than it takes in one piece
	s := exported(t, many)
	if allocs := testing.AllocsPerRun(5, func() {
		mustAcquire(t, s, many)
		s.Release(many)
		if s.TryAcquire(many) {
			s.Release(many)
		}
	}); allocs > 0 && mode.Is("exported") {
		t.Errorf("%v allocations", allocs)
	}
}
