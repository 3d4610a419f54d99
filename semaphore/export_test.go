package semaphore

// Waiting returns the number of goroutines that sleep in Acquire.
func Waiting(s *Semaphore) int {
	s.count.LockShut()
	defer s.count.UnlockShut()
	return s.waiters.Len()
}
