package semaphore_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// A moment is a part of the time in which waiters may be overtaken.
const moment = 20 * time.Microsecond

// Waiters are overtaken for one window, not for one each: when it is over, those that came
// in the middle of it are served as well before another begins.
func TestWindowIsSharedByWhoComesInIt(t *testing.T) {
	oneAtATime(t)
	inBubble(t, func(t *testing.T) {
		for range 50 {
			s := private(t, 0)
			l := &line{t: t, s: s}
			l.join(t.Context(), 1)
			time.Sleep(2 * moment)
			l.join(t.Context(), 1)
			l.join(t.Context(), 1)
			time.Sleep(moment) // and it is over
			for who := range 3 {
				s.Release(1)
				if s.TryAcquire(1) {
					t.Errorf("a goroutine passed waiter %d, whose window is over", who)
				}
				l.wantFirst(who + 1)
			}
			s.Close()
			synctest.Wait()
		}
	})
}

// A waiter that comes when the window is over has one of its own, which begins when those
// before it have been served, however long that took, and ends as the first did.
func TestNextWindowBeginsWhenAllBeforeAreServed(t *testing.T) {
	oneAtATime(t)
	inBubble(t, func(t *testing.T) {
		var passed int
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
			time.Sleep(took) // while it is not overtaken
			s.Release(1)
			if s.TryAcquire(1) {
				t.Error("a goroutine passed a waiter before its window")
			}
			l.wantFirst(2)
			s.Release(1)
			if s.TryAcquire(1) {
				if took == long {
					t.Errorf("a goroutine passed a waiter that has waited for %v", took)
				}
				passed++
				s.Release(1)
			}
			synctest.Wait()
			time.Sleep(long)
			s.Release(1)
			if s.TryAcquire(1) {
				t.Error("a goroutine passed a waiter after its window")
			}
			l.wantFirst(4)
			s.Close()
			synctest.Wait()
		}
		if passed < 50 {
			t.Errorf("a goroutine that runs passed a waiter of the next window in %d of 100 tries, want it to be usual", passed)
		}
	})
}
