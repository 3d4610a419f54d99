package queue

// ready reports whether there is a value to take. The caller holds the lock, here and
// in all functions below.
func (q *Queue[T]) ready() bool {
	if c := q.cells.Load(); c != nil {
		return c.ready()
	}
	return q.ring.ready()
}

// take moves values to dst, and returns how many.
func (q *Queue[T]) take(dst []T) (n int) {
	if c := q.cells.Load(); c != nil {
		n = c.take(dst, q.held())
	} else {
		n = q.ring.take(dst)
	}
	q.finish()
	return n
}

// front returns the value to take, after ready.
func (q *Queue[T]) front() *T {
	if c := q.cells.Load(); c != nil {
		return c.front()
	}
	return q.ring.front()
}

// drop goes on to the next value.
func (q *Queue[T]) drop() {
	if c := q.cells.Load(); c != nil {
		c.drop()
	} else {
		q.ring.drop()
	}
}

// held returns how many values were taken for C, but not received yet.
func (q *Queue[T]) held() int { return len(q.c) + q.inHand }

// serve gives what has come to waiters and then to C, and has the next value wake
// those that are left.
func (q *Queue[T]) serve() {
	for {
		for q.waiters.Len() > 0 && q.ready() {
			p := q.waiters.Pop()
			p.Value.got <- q.take(p.Value.dst)
		}
		if q.c != nil && !q.pumping {
			q.fill()
		}
		if q.closed || !q.awaited() || q.park() {
			return
		}
	}
}

// awaited reports whether the next value is to wake the consumer.
func (q *Queue[T]) awaited() bool { return q.waiters.Len() > 0 || q.c != nil && !q.pumping }

// park has the next value wake the consumer. It returns false if there is one.
func (q *Queue[T]) park() bool {
	c := q.cells.Load()
	return c == nil || c.park() // each send to the ring looks whether it is awaited
}
