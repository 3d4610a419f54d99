package queue

// Waiting returns the number of goroutines that are blocked in Receive or ReceiveBatch.
func Waiting[T any](q *Queue[T]) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiters.Len()
}
