package semaphore_test

import (
	"context"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/semaphore"
)

// countOpens counts how often a file of /proc is opened, until done.
func countOpens() (opens *atomic.Int32, done func()) {
	opens = new(atomic.Int32)
	return opens, rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		if c.Name == "open" {
			opens.Add(1)
		}
		return 0
	})
}

// A Release whose permits are too few for the first waiter does not read /proc, because the waiter
// remembers how many it lacks. The Release that adds the last of them serves it.
func TestReleaseThatIsTooSmallDoesNotReadProc(t *testing.T) {
	if !mode.Is("exported") {
		return
	}
	hammer.NeedsCount(t)
	s := mustNew(t, 0)
	crowd := newCrowd(s)
	for _, need := range []int64{10, 1000, 3} {
		ctx, cancel := context.WithCancel(background)
		canceled := crowd.join(ctx, 2*need) // remembers more than the next waiter lacks
		s.Release(1)
		cancel()
		crowd.want(t, canceled, context.Canceled)
		waiter := crowd.join(background, need)
		semaphore.Locked(s, func(hand func(n int64) (waiting int)) { // so the poller does not read either
			opens, done := countOpens()
			defer done()
			for range need - 2 {
				if waiting := hand(1); waiting != 1 {
					t.Errorf("%d waiters are left, want 1, which lacks permits", waiting)
				}
			}
			if got := opens.Load(); got > 1 {
				t.Errorf("%d releases for a waiter that needs %d permits read /proc %d times, want once at most", need-2, need, got)
			}
			if waiting := hand(1); waiting != 0 {
				t.Errorf("%d waiters are left, want none, because all that the waiter lacked was released", waiting)
			}
		})
		crowd.want(t, waiter, nil)
		wantCount(t, s, 0)
	}
}

// A TryAcquire behind a waiter that needs several permits does not read /proc.
func TestTryAcquireBehindALargeWaiterDoesNotReadProc(t *testing.T) {
	if !mode.Is("exported") {
		return
	}
	s := mustNew(t, 1)
	crowd := newCrowd(s)
	ctx, cancel := context.WithCancel(background)
	waiter := crowd.join(ctx, math.MaxInt64)
	opens, done := countOpens()
	for range 1000 {
		wantTry(t, s, 1, false)
		wantTry(t, s, 3, false)
	}
	done()
	if got := opens.Load(); got > 500 { // the waiter itself looks ten times per second
		t.Errorf("2,000 calls of TryAcquire read /proc %d times", got)
	}
	cancel()
	crowd.want(t, waiter, context.Canceled)
	wantTry(t, s, 1, true)
}

// If the contexts of many waiters end together, only the first one's end can make a difference to the others:
// /proc is read for that one.
func TestWaiterThatWasNotFirstLeavesQuietly(t *testing.T) {
	if !mode.Is("exported") {
		return
	}
	hammer.NeedsCount(t)
	s := mustNew(t, 0)
	crowd := newCrowd(s)
	first := crowd.join(background, 2)
	ctx, cancel := context.WithCancel(background)
	const waiters = 200
	for range waiters {
		crowd.join(ctx, 2)
	}
	opens, done := countOpens()
	cancel()
	for range waiters {
		wantIs(t, "Acquire", (<-crowd.arrivals).err, context.Canceled)
	}
	done()
	if got := opens.Load(); got >= waiters {
		t.Errorf("the ends of %d waiters have read /proc %d times", waiters, got)
	}
	write(s, 2)
	crowd.want(t, first, nil)
}

// Whatever adds the permits that a waiter lacks, in whatever order, wakes it: what it remembers is
// only about the releases of Go code of this process.
func TestEachKindOfReleaseWakesALargeWaiter(t *testing.T) {
	if mode.Is("private") {
		return
	}
	hammer.NeedsCount(t)
	s := mustNew(t, 0)
	other := twin(t, s)
	handle := mode.Is("handle")
	rounds := hammer.Rounds(2000)
	start := time.Now()
	for round := range rounds {
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				for i := range 4 {
					for range round % 64 { // meet the waiter and the others at another step each time
						runtime.Gosched()
					}
					switch {
					case handle && i == 0:
						signal(s, 1)
					case i < 2:
						other.Release(1) // as another process does
					default:
						s.Release(1)
					}
				}
			})
		}
		mustAcquire(t, s, 12)
		all.Wait()
	}
	// The waiter polls by itself ten times per second. That must not be what woke it.
	if took := time.Since(start); took > time.Duration(rounds)*20*time.Millisecond {
		t.Errorf("%d rounds took %v", rounds, took)
	}
	wantCount(t, s, 0)
}

// What Release and TryAcquire cost while an Acquire waits for more permits than there will be.
func BenchmarkBesideALargeWaiter(b *testing.B) {
	for name, call := range map[string]func(*semaphore.Semaphore){
		"Release":    func(s *semaphore.Semaphore) { s.Release(1) },
		"TryAcquire": func(s *semaphore.Semaphore) { s.TryAcquire(1) },
	} {
		b.Run(name, func(b *testing.B) {
			s := mustNew(b, 1)
			s.FD()
			crowd := newCrowd(s)
			ctx, cancel := context.WithCancel(background)
			crowd.join(ctx, math.MaxInt64)
			b.ReportAllocs()
			for b.Loop() {
				call(s)
			}
			cancel()
			<-crowd.arrivals
		})
	}
}
