package semaphore_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/semaphore"
)

// twin returns another Semaphore on the eventfd of s, which knows nothing of s, like a Semaphore
// of another process.
func twin(t *testing.T, s *semaphore.Semaphore) *semaphore.Semaphore {
	t.Helper()
	other, err := semaphore.FromFD(dup(t, s.FD()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	return other
}

// within returns the context of an Acquire that must succeed.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(background, 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func wantGot(t *testing.T, s *semaphore.Semaphore, n int64) {
	t.Helper()
	if err := s.Acquire(within(t), n); err != nil {
		t.Errorf("Acquire(%d) = %v", n, err)
	}
}

// A goroutine that lacks permits gets the permit that C has reserved, and C reserves the next
// free one.
func TestAcquireGetsThePermitOfC(t *testing.T) {
	hammer.NeedsCount(t)
	for _, n := range []int64{1, 3} {
		s := mustNew(t, n)
		c := s.C()
		begin := time.Now()
		for range 50 {
			wantCount(t, s, n-1)
			wantGot(t, s, n)
			wantTry(t, s, 1, false)
			s.Release(n)
			hammer.Eventually(t, func() string { return "C reserves no permit" }, func() bool {
				count, err := s.Count()
				return count == n-1 && err == nil
			})
		}
		if took := time.Since(begin); took > 50*50*time.Millisecond {
			t.Errorf("took %v; want C to give its permit back immediately", took)
		}
		<-c
		s.Release(1)
	}
}

// A permit that C gives back goes to the first waiter, and C is then the last in the queue.
func TestCQueuesAgainBehind(t *testing.T) {
	s := mustNew(t, 1)
	s.C()
	crowd := newCrowd(s)
	large := crowd.join(background, 2)
	small := crowd.join(background, 1)
	wantTry(t, s, 1, false)
	s.Release(1)
	crowd.want(t, large, nil)
	s.Release(1)
	crowd.want(t, small, nil)
	s.Release(1)
	<-s.C()
	wantCount(t, s, 0)
}

// If a Semaphore is exported while C has reserved a permit, C gives it back at intervals as well.
func TestCGivesBackAfterAnExport(t *testing.T) {
	s := mustNew(t, 2)
	s.C()
	wantGot(t, twin(t, s), 2)
}

// C also gives back to a waiter that cannot see the count, as in gVisor, and must therefore poll
// while C keeps no permit.
func TestCGivesBackToAWaiterThatSeesNoCount(t *testing.T) {
	s := mustNew(t, 2)
	other := twin(t, s)
	s.C()
	defer rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		if c.Name == "open" {
			return unix.EACCES
		}
		return 0
	})()
	for range 5 {
		wantGot(t, other, 2)
		other.Release(2)
	}
}

// Semaphores that share permits and use C, as several processes do, can each acquire several
// permits together.
func TestSharersThatUseCDoNotDeadlock(t *testing.T) {
	const permits, sharers, n = 5, 3, 3
	s := mustNew(t, permits)
	var all sync.WaitGroup
	for i := range sharers {
		other := s
		if i > 0 {
			other = twin(t, s)
		}
		other.C()
		all.Go(func() {
			for range 20 {
				wantGot(t, other, n)
				other.Release(n)
			}
		})
	}
	all.Wait()
}

// An Acquire of all permits succeeds even if the C of several other Semaphores has reserved a
// permit, or is waiting to reserve one, and nothing receives from them.
func TestAcquireGetsThePermitsOfEveryIdleC(t *testing.T) {
	hammer.NeedsCount(t)
	for name, c := range map[string]struct {
		permits int64
		others  int
	}{
		"one":               {3, 1},
		"all permits":       {3, 3},
		"more than permits": {3, 5},
		"one of very many":  {60_000, 1}, // taking them takes longer than C stays away if nothing is taken
	} {
		t.Run(name, func(t *testing.T) {
			permits := c.permits
			s := mustNew(t, permits)
			s.FD()
			for range c.others {
				twin(t, s).C()
				<-time.After(13 * time.Millisecond) // they do not run in step
			}
			for range 3 {
				wantGot(t, s, permits)
				s.Release(permits)
			}
		})
	}
}

// A receiver gets its permit even if C gives it back again and again.
func TestIdleCServesAReceiver(t *testing.T) {
	s := mustNew(t, 1)
	s.FD()
	c := s.C()
	for range 5 {
		<-time.After(time.Duration(rand.Int64N(int64(150 * time.Millisecond))))
		<-c
		wantCount(t, s, 0)
		s.Release(1)
	}
}

// If nothing receives from the C of a private Semaphore, C runs nothing: the passing of time does
// not wake it.
func TestIdleCOfAPrivateSemaphoreSleeps(t *testing.T) {
	begin := time.Now()
	inBubble(t, func(t *testing.T) {
		s := private(t, 2)
		defer s.Close()
		s.C()
		time.Sleep(10_000 * time.Hour) // 360 million times 100 ms
		if free, err := s.Count(); free != 1 || err != nil {
			t.Errorf("Count = %d, %v; want 1", free, err)
		}
	})
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
}

// In a bubble an Acquire gets the permit, and Close ends the goroutine of C.
func TestBubbleHasCGiveBack(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := private(t, 2)
		s.C()
		l := &line{t: t, s: s}
		l.join(t.Context(), 2)
		l.want(0)
		s.Release(2)
		synctest.Wait()
		if free, err := s.Count(); free != 1 || err != nil {
			t.Errorf("Count = %d, %v; want 1, because C has reserved one of 2", free, err)
		}
		s.Close()
	})
}

// No permit is lost or doubled, whatever the order of receives, recalls, timeouts and
// Close.
func TestPermitsOfCAreConserved(t *testing.T) {
	hammer.NeedsCount(t)
	const permits = 3
	hammer.For(2*time.Second, 2, func() {
		s, err := mode.Semaphore(permits)
		if err != nil {
			t.Error(err)
			return
		}
		h := holders{t: t, s: s}
		h.there.Store(permits)
		rest, err := semaphore.FromFD(dup(t, s.FD()))
		if err != nil {
			t.Error(err)
			return
		}
		defer rest.Close()
		var all sync.WaitGroup
		for i := range int64(3) {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(background, time.Duration(rand.IntN(250))*time.Millisecond)
				defer cancel()
				for ctx.Err() == nil {
					h.acquire(ctx, 1+i)
				}
			})
		}
		all.Go(func() {
			for range rand.IntN(200) {
				select {
				case _, ok := <-s.C():
					if ok {
						h.hold(1)
					}
				case <-time.After(time.Millisecond):
				}
			}
		})
		all.Wait()
		<-time.After(time.Duration(rand.IntN(120)) * time.Millisecond)
		s.Close()
		if left, err := rest.Count(); left != permits || err != nil {
			t.Errorf("Count = %d, %v after Close, want %d", left, err, permits)
		}
	})
}
