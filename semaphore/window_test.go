package semaphore_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// A moment is a part of a window, in which waiters may be overtaken.
const moment = 20 * time.Microsecond

// Waiters are overtaken for one window together, not for one each. When it is over, the waiters
// that came in the middle of it are served as well before another one begins.
func TestWindowIsSharedByItsWaiters(t *testing.T) {
	oneAtATime(t)
	inBubble(t, func(t *testing.T) {
		for range 50 {
			s := private(t, 0)
			l := &line{t: t, s: s}
			l.join(t.Context(), 1)
			time.Sleep(2 * moment)
			l.join(t.Context(), 1)
			l.join(t.Context(), 1)
			time.Sleep(moment) // after which the window is over
			for waiter := range 3 {
				s.Release(1)
				if s.TryAcquire(1) {
					t.Errorf("a goroutine overtook waiter %d, whose window is over", waiter)
				}
				l.wantFirst(waiter + 1)
			}
			s.Close()
			synctest.Wait()
		}
	})
}

// A waiter that comes when the window is over has another one, which begins when the waiters
// before it have been served, if that did not take too long, and ends as the first one did.
func TestNextWindowBeginsWhenAllBeforeAreServed(t *testing.T) {
	oneAtATime(t)
	inBubble(t, func(t *testing.T) {
		var overtaken int
		for round := range 200 {
			took := 20 * moment
			if round%2 == 0 {
				took = long
			}
			s := private(t, 0)
			l := &line{t: t, s: s}
			l.join(t.Context(), 1)
			l.join(t.Context(), 1)
			time.Sleep(long)
			s.Release(1)
			l.join(t.Context(), 1)
			l.join(t.Context(), 1)
			l.want(0)
			time.Sleep(took) // in this phase no waiter is overtaken
			s.Release(1)
			if s.TryAcquire(1) {
				t.Error("a goroutine overtook a waiter before its window")
			}
			l.wantFirst(2)
			s.Release(1)
			if s.TryAcquire(1) {
				if took == long {
					t.Errorf("a goroutine overtook a waiter that has waited for %v", took)
				}
				overtaken++
				s.Release(1)
			}
			synctest.Wait()
			time.Sleep(long)
			s.Release(1)
			if s.TryAcquire(1) {
				t.Error("a goroutine overtook a waiter after its window")
			}
			l.wantFirst(4)
			s.Close()
			synctest.Wait()
		}
		if overtaken < 50 {
			t.Errorf("a running goroutine overtook a waiter of the next window in %d of 100 tries, want at least 50", overtaken)
		}
	})
}
