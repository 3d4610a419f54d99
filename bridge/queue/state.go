package queue

// Len returns the number of values in the Queue, including those that are being sent and
// those in the buffer of C. After Close, it returns the number of values that can still be
// received.
func (q *Queue[T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.settle()
	if c := q.cells.Load(); c != nil {
		return int(c.used()) + q.held()
	}
	return int(q.ring.length) + q.held()
}

// Cap returns the number of values that fit in the Queue: the capacity passed to [New],
// rounded up to a power of two.
func (q *Queue[T]) Cap() int { return int(q.places) }

// Refused returns the number of sends from Go and C that found the Queue full.
func (q *Queue[T]) Refused() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	if c := q.cells.Load(); c != nil {
		return c.refused.Load()
	}
	return q.refused
}

// String returns "Queue(private)", "Queue(shared)" after Handle, or "Queue(closed)" after
// Close. It never waits for a sender or a receiver.
func (q *Queue[T]) String() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return "Queue(closed)"
	case q.cells.Load() != nil:
		return "Queue(shared)"
	}
	return "Queue(private)"
}
