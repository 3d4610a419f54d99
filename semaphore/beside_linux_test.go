package semaphore_test

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/mode"
)

// While an Acquire or TryAcquire takes very many permits, other calls get what is left beside those,
// and no more.
func TestPermitsBesideThoseOfACallThatTakesVeryMany(t *testing.T) {
	if !mode.First() {
		return
	}
	hammer.NeedsCount(t)
	const left = 3001
	for _, call := range []string{"Acquire", "TryAcquire"} {
		t.Run(call, func(t *testing.T) {
			s := exported(t, veryMany+left)
			end := make(chan struct{})
			go func() {
				defer close(end)
				if call == "Acquire" {
					s.Acquire(background, veryMany)
				} else {
					s.TryAcquire(veryMany)
				}
			}()
			hammer.Eventually(t, func() string { return call + " takes nothing" }, func() bool {
				count, err := s.Count()
				return count < veryMany+left && err == nil
			})
			ctx, cancel := context.WithTimeout(background, 5*time.Second)
			defer cancel()
			promptly(t, "the calls beside it", func() {
				wantTry(t, s, left+1, false)
				wantTry(t, s, 1500, true) // in pieces
				wantTry(t, s, left, false)
				wantTry(t, s, 1000, true)
				wantIs(t, "Acquire(499)", s.Acquire(ctx, 499), nil)
				wantTry(t, s, 3, false)
				wantIs(t, "Acquire(1)", s.Acquire(ctx, 1), nil)
				wantTry(t, s, 1, true)
				wantTry(t, s, 1, false)
			})
			s.Close()
			<-end
		})
	}
}

// No TryAcquire fails if there are enough permits for all calls.
func TestTryAcquireDoesNotFailBesideOthers(t *testing.T) {
	if !mode.First() {
		return
	}
	hammer.NeedsCount(t)
	const goroutines, share = 4, 2500
	s := exported(t, goroutines*share)
	var held atomic.Int64
	hammer.For(time.Second, goroutines, func() {
		n := 1 + rand.Int64N(share)
		switch rand.IntN(4) {
		case 0:
			mustAcquire(t, s, n)
		case 1:
			n = 1
			fallthrough
		default:
			if !s.TryAcquire(n) {
				t.Errorf("TryAcquire(%d) = false, but enough permits are free", n)
				return
			}
		}
		if now := held.Add(n); now > goroutines*share {
			t.Errorf("%d permits are held, want at most %d", now, goroutines*share)
		}
		held.Add(-n)
		s.Release(n)
	})
	wantCount(t, s, goroutines*share)
}
