package semaphore_test

import (
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/eventchan/eventchan/semaphore"
)

// A waiter is served even if others keep taking and releasing the permit and time stands still,
// as in a bubble.
func TestWaiterIsOvertakenAFixedNumberOfTimes(t *testing.T) {
	oneAtATime(t)
	const rounds = 20_000
	for name, take := range map[string]func(*semaphore.Semaphore) bool{
		"Acquire":    func(s *semaphore.Semaphore) bool { return s.Acquire(background, 1) == nil },
		"TryAcquire": func(s *semaphore.Semaphore) bool { return s.TryAcquire(1) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := private(t, 1)
				defer s.Close()
				for range 3 { // each waiter can be overtaken as often as the one before
					take(s)
					var served atomic.Bool
					go func() {
						mustAcquire(t, s, 1)
						served.Store(true)
						s.Release(1)
					}()
					synctest.Wait()
					s.Release(1)
					var overtaken int
					for ; !served.Load() && overtaken < rounds; overtaken++ {
						took := take(s)
						runtime.Gosched()
						if took {
							s.Release(1)
						}
					}
					t.Logf("overtaken %d times", overtaken)
					if !served.Load() && overtaken == rounds {
						t.Errorf("overtaken %d times", overtaken)
					}
					synctest.Wait()
				}
			})
		})
	}
}
