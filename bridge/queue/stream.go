package queue

// When C sends a stream of values, a receiver does not sleep as soon as there is no value,
// and does not take each value separately: see doorbell.Patience.

// linger polls for a value a few more times before the consumer sleeps, because a C thread
// might be sending one. It reports whether the caller should look again. The caller holds
// the lock, which linger releases while it polls.
func (q *Queue[T]) linger() bool {
	c := q.cells.Load()
	if c == nil || q.closed {
		return false
	}
	next := c.next
	q.mu.Unlock()
	defer q.mu.Lock()
	return c.bell.Again(func() bool { return c.published(next) })
}

// mostGathered is the most values that gather waits for. With that many, the cost of one
// receive call is negligible per value.
const mostGathered = 256

// gather waits a moment for more values, for a receiver that has room for several. The
// caller holds the lock, which gather releases while it waits.
func (q *Queue[T]) gather(room int) {
	c := q.cells.Load()
	if c == nil || room < 2 || q.closed {
		return
	}
	last := c.next + min(uint64(room), mostGathered, q.places/4)
	q.mu.Unlock()
	c.bell.Gather(func() bool { return c.published(last) })
	q.mu.Lock()
}
