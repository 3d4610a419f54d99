package semaphore

import "github.com/eventchan/eventchan/internal/counter"

// LeadAlways makes each goroutine lead that can.
func LeadAlways() { counter.Steady = 0 }

// Waiting returns the number of waiters in the queue, C included.
func Waiting(s *Semaphore) int {
	s.count.LockShut()
	defer s.count.UnlockShut()
	return s.waiters.Len()
}

// Apart returns the number of goroutines that are waiting for more permits than the size.
func Apart(s *Semaphore) int {
	s.count.LockShut()
	defer s.count.UnlockShut()
	if s.apart == nil {
		return 0
	}
	return s.apart.Len()
}
