package semaphore

// Waiting returns the number of goroutines that sleep in Acquire.
func Waiting(s *Semaphore) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiters.Len()
}
