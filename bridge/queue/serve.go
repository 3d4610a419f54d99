package queue

// ready reports whether there is a value to take. The caller holds the lock, here and in all
// functions below.
func (q *Queue[T]) ready() bool {
	if c := q.cells.Load(); c != nil {
		return c.ready()
	}
	return q.ring.ready()
}

// take moves values to dst and returns their number.
func (q *Queue[T]) take(dst []T) (n int) {
	if c := q.cells.Load(); c != nil {
		n = c.take(dst, q.held())
	} else {
		n = q.ring.take(dst)
	}
	q.finish()
	return n
}

// front returns the value to take. The caller must have called ready.
func (q *Queue[T]) front() *T {
	if c := q.cells.Load(); c != nil {
		return c.front()
	}
	return q.ring.front()
}

// drop removes the value at front.
func (q *Queue[T]) drop() {
	if c := q.cells.Load(); c != nil {
		c.drop()
	} else {
		q.ring.drop()
	}
}

// held returns the number of values that were taken for C but not received from it yet. They
// count as values in the Queue.
func (q *Queue[T]) held() int { return len(q.c) + q.inHand }

// mostTurns is how often serve, and Look, begin again because a value has come while they ran. With receivers
// of C that are as fast as a C thread sends, they would otherwise keep the lock, and all other handles
// waiting, for as long as that lasts. The goroutine of C, which goes on, unlocks in between.
const mostTurns = 16

// serve hands values to waiters and then to C. If any of them is left without a value, it
// makes the next value wake the consumer.
func (q *Queue[T]) serve() { q.serveFrom(0) }

// serveFrom is serve for a caller that has already had some turns.
func (q *Queue[T]) serveFrom(turn int) {
	for ; ; turn++ {
		for q.waiters.Len() > 0 && q.ready() {
			p := q.waiters.Pop()
			p.Value.got <- q.take(p.Value.dst)
		}
		if q.c != nil && !q.pumping {
			q.fill(turn >= mostTurns)
		}
		if q.closed || !q.awaited() || q.park() {
			return
		}
	}
}

// awaited reports whether the next value must wake the consumer: whether a goroutine is
// waiting, or C is in use and its goroutine is not running.
func (q *Queue[T]) awaited() bool { return q.waiters.Len() > 0 || q.c != nil && !q.pumping }

// park makes the next value wake the consumer. If there is a value already, it does nothing
// and returns false.
func (q *Queue[T]) park() bool {
	c := q.cells.Load()
	return c == nil || c.park() // without cells, every send itself checks awaited
}
