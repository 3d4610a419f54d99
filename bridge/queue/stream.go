package queue

// In a stream of values from C, a receiver does not sleep right away, and does not take
// each value by itself: see doorbell.Patience.

// linger looks for a value some more times, because a C thread might be at it. It
// reports whether that was worth it. The caller holds the lock, which linger gives up
// while it looks.
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

// mostGathered is how many values are enough: what is done once for all of them no
// longer matters then.
const mostGathered = 256

// gather lets values come together for a receiver that has room for several. The
// caller holds the lock, which gather gives up while it waits.
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
