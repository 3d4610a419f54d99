package queue

// Waiting returns the number of goroutines that are blocked in Receive or ReceiveBatch.
func Waiting[T any](q *Queue[T]) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiters.Len()
}

// ServeLate is a serve after so many turns that the goroutine of C has to go on. It reports whether
// that goroutine was started.
func ServeLate[T any](q *Queue[T]) (started bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.serveFrom(mostTurns)
	return q.pumping
}
