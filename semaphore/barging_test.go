package semaphore_test

import (
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eventchan/eventchan/semaphore"
)

// long is how long a waiter must have waited before it cannot be overtaken any more.
const long = time.Millisecond

// oneAtATime keeps a goroutine that was woken from running before the goroutine that woke it
// waits.
func oneAtATime(t *testing.T) {
	t.Helper()
	procs := runtime.GOMAXPROCS(1)
	t.Cleanup(func() { runtime.GOMAXPROCS(procs) })
}

// A running goroutine can take a permit that was released for a waiter that is not running yet.
// That waiter is still the first, and gets the next permit.
func TestOvertakenWaiterIsStillTheFirst(t *testing.T) {
	oneAtATime(t)
	inBubble(t, func(t *testing.T) {
		var overtaken int
		for range 200 {
			s := private(t, 0)
			l := &line{t: t, s: s}
			l.join(t.Context(), 1)
			l.join(t.Context(), 1)
			s.Release(1)
			if s.TryAcquire(1) {
				overtaken++
				l.want()
				s.Release(1)
			}
			l.want(0)
			s.Release(1)
			l.want(0, 1)
			s.Close()
		}
		if overtaken < 100 {
			t.Errorf("a running goroutine overtook a waiter in %d of 200 tries, want at least 100", overtaken)
		}
	})
}

// A waiter that has waited for long is not overtaken: it gets the permit, whether the permit is
// released while the waiter sleeps or after it was woken and found none.
func TestLongWaiterIsNotOvertaken(t *testing.T) {
	oneAtATime(t)
	take := map[string]func(*semaphore.Semaphore) bool{
		"TryAcquire": func(s *semaphore.Semaphore) bool { return s.TryAcquire(1) },
		"Acquire": func(s *semaphore.Semaphore) bool {
			var got atomic.Bool
			go func() { got.Store(s.Acquire(background, 1) == nil) }()
			synctest.Wait()
			return got.Load()
		},
	}
	for name, take := range take {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				for range 50 {
					s := private(t, 0)
					l := &line{t: t, s: s}
					l.join(t.Context(), 1)
					l.join(t.Context(), 1)
					s.Release(1)
					if s.TryAcquire(1) {
						l.want() // the waiter that was overtaken sleeps again
					}
					overtaken := len(l.served) == 0
					time.Sleep(long)
					for waiter := range 2 {
						if !overtaken && waiter == 0 {
							continue
						}
						s.Release(1)
						if take(s) {
							t.Errorf("%s overtook a waiter that has waited for %v", name, long)
						}
						l.wantFirst(waiter + 1)
					}
					s.Close()
					synctest.Wait()
				}
			})
		})
	}
}

// wantFirst fails the test unless the first n, in any order, have been served.
func (l *line) wantFirst(n int) {
	l.t.Helper()
	synctest.Wait()
	for _, waiter := range l.served {
		if waiter >= n {
			l.t.Errorf("served are %v, want the first %d", l.served, n)
		}
	}
	if len(l.served) != n {
		l.t.Errorf("served are %v, want the first %d", l.served, n)
	}
}

// When a waiter that has waited for long is served, a waiter that came later can still be
// overtaken.
func TestPatienceIsNotInherited(t *testing.T) {
	oneAtATime(t)
	inBubble(t, func(t *testing.T) {
		var overtaken int
		for range 100 {
			s := private(t, 0)
			l := &line{t: t, s: s}
			l.join(t.Context(), 1)
			time.Sleep(long)
			l.join(t.Context(), 1)
			s.Release(1)
			l.want(0)
			s.Release(1)
			if s.TryAcquire(1) {
				overtaken++
			}
			s.Close()
			synctest.Wait()
		}
		if overtaken < 50 {
			t.Errorf("overtook a waiter that has just come in %d of 100 tries, want at least 50", overtaken)
		}
	})
}

// A waiter that has been overtaken for long enough is served first, and the waiters behind it
// in FIFO order.
func TestOvertakenWaitersAreServedInOrder(t *testing.T) {
	oneAtATime(t)
	inBubble(t, func(t *testing.T) {
		const waiters = 10
		s := private(t, 0)
		defer s.Close()
		l := &line{t: t, s: s}
		for range waiters {
			l.join(t.Context(), 1)
		}
		var want []int
		for step := 0; len(want) < waiters; step++ {
			s.Release(1)
			overtaken := s.TryAcquire(1)
			if overtaken && step > 4 {
				t.Errorf("the waiters were overtaken %d times in %v", step, long)
			}
			if !overtaken {
				want = append(want, len(want))
			}
			l.want(want...)
			time.Sleep(long / 4)
		}
	})
}

// A waiter that needs several permits is not overtaken, at any place of the queue, even if it
// has just come and the permits are enough for the waiters before it and the running goroutine.
func TestWaiterForSeveralIsNotOvertaken(t *testing.T) {
	oneAtATime(t)
	inBubble(t, func(t *testing.T) {
		for where := range 3 {
			s := private(t, 1)
			l := &line{t: t, s: s}
			if !s.TryAcquire(1) {
				t.Error("TryAcquire = false without waiters")
			}
			var want []int
			for i := range 3 {
				n := int64(1)
				if i == where {
					n = 2
				}
				l.join(t.Context(), n)
			}
			for i := range 3 {
				if i == where {
					s.Release(1)
					if s.TryAcquire(1) {
						t.Errorf("overtook the waiter for several at place %d, which lacked a permit", where)
					}
					l.want(want...)
				}
				s.Release(1)
				if i <= where && s.TryAcquire(1) {
					t.Errorf("overtook the waiter for several at place %d, %d places before it", where, where-i)
				}
				want = append(want, i)
				l.want(want...)
			}
			s.Close()
		}
	})
}

// When the waiter that needs several permits is gone, the others can be overtaken again.
func TestOvertakingResumesAfterALargeWaiter(t *testing.T) {
	oneAtATime(t)
	inBubble(t, func(t *testing.T) {
		var overtaken int
		for range 100 {
			s := private(t, 0)
			l := &line{t: t, s: s}
			l.join(t.Context(), 2)
			l.join(t.Context(), 1)
			s.Release(2)
			l.want(0)
			s.Release(1)
			if s.TryAcquire(1) {
				overtaken++
			}
			s.Close()
			synctest.Wait()
		}
		if overtaken < 50 {
			t.Errorf("overtook the waiter for one in %d of 100 tries, want at least 50", overtaken)
		}
	})
}

// The same rules hold where permits can come from C, with real time: a waiter that has waited
// for long, or needs several permits, is not overtaken.
func TestLongAndLargeWaitersAreNotOvertakenInAnyMode(t *testing.T) {
	for name, n := range map[string]int64{"long": 1, "several": 2} {
		t.Run(name, func(t *testing.T) {
			for range 20 {
				s := mustNew(t, 0)
				c := newCrowd(s)
				for range 3 {
					c.join(background, n)
				}
				if n == 1 {
					<-time.After(long)
				}
				for waiter := range 3 {
					s.Release(n - 1)
					wantTry(t, s, 1, false)
					s.Release(1)
					wantTry(t, s, 1, false)
					c.want(t, waiter, nil)
				}
			}
		})
	}
}
