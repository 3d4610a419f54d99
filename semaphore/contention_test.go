package semaphore_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/mode"
)

// However many goroutines want the few permits, no more permits are held than exist, and each
// goroutine gets its share, even if it needs several permits together.
func TestEachGoroutineGetsItsShare(t *testing.T) {
	const goroutines, permits = 16, 2
	share := 2000
	if testing.Short() {
		share /= 8
	}
	if mode.Is("exported") { // where each call makes system calls
		share /= 8
	}
	for name, n := range map[string]func(i, round int) int64{
		"one":     func(int, int) int64 { return 1 },
		"several": func(i, round int) int64 { return 1 + int64((i+round)%8/7) },
	} {
		t.Run(name, func(t *testing.T) {
			s := mustNew(t, permits)
			var held atomic.Int64
			var wg sync.WaitGroup
			for i := range goroutines {
				wg.Go(func() {
					for round := range share {
						n := n(i, round)
						mustAcquire(t, s, n)
						if now := held.Add(n); now > permits {
							t.Errorf("%d permits are held, want at most %d", now, permits)
						}
						if round%16 == 0 {
							runtime.Gosched() // so that others find no permits
						}
						held.Add(-n)
						s.Release(n)
					}
				})
			}
			wg.Wait()
			wantCount(t, s, permits)
		})
	}
}

// A waiter is served within a bounded time, even if other goroutines keep taking and releasing
// permits and never wait.
func TestWaiterIsNotStarved(t *testing.T) {
	s := mustNew(t, 1)
	var stop atomic.Bool
	var hogs sync.WaitGroup
	for range 3 {
		hogs.Go(func() {
			for !stop.Load() {
				if s.TryAcquire(1) {
					s.Release(1)
				}
				hammer.Yield()
			}
		})
	}
	for range 50 {
		mustAcquire(t, s, 1)
		s.Release(1)
	}
	stop.Store(true)
	hogs.Wait()
	wantCount(t, s, 1)
}
