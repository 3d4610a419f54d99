package queue

import (
	"errors"
	"fmt"
	"os"
)

// ErrFull is returned by [Queue.Send] if the Queue has no room for the value.
var ErrFull = errors.New("queue: full")

// Send sends v. It never blocks.
//
// If Send returns nil, v can be received, even if Close runs concurrently. Otherwise v is
// never received. Send returns [ErrFull] if there is no room for v, an error matching
// [os.ErrClosed] after Close, and an error matching [os.ErrInvalid] if T contains pointers,
// because a Queue does not keep Go memory alive.
//
// It costs one lock acquisition. After Handle, it costs two atomic operations, and a lock
// acquisition if a goroutine is waiting. If the Queue is full and C is in use, Send first lets
// the goroutine of C run. It does not allocate, except that the first Send to a private Queue
// allocates room for all values, and that it might start the goroutine of C.
func (q *Queue[T]) Send(v T) error {
	if q.pointers {
		return fmt.Errorf("queue: Send: %T contains a pointer: %w", v, os.ErrInvalid)
	}
	c := q.cells.Load()
	if c == nil {
		q.mu.Lock()
		room := q.roomInRing()
		if !room {
			q.settle() // unlocks for a while, so Handle and Close can run in between
			room = q.roomInRing()
		}
		if c = q.cells.Load(); c == nil {
			defer q.mu.Unlock()
			return q.sendPrivate(&v, room)
		}
		q.mu.Unlock()
	}
	switch q.sendShared(c, &v) {
	case full:
		c.refused.Add(1)
		return ErrFull
	case late:
		return errLate
	}
	return nil
}

var errLate = fmt.Errorf("queue: Send: %w", os.ErrClosed)

// sendPrivate is Send to a private Queue. The caller holds the lock, and has found out
// whether there is room. It must not find out again, because a value that moves from inHand
// to C's buffer is counted in both for a moment.
func (q *Queue[T]) sendPrivate(v *T, room bool) error {
	if q.closed {
		return errLate
	}
	if !room {
		q.refused++
		return ErrFull
	}
	q.ring.send(v, q.places)
	if q.awaited() {
		q.serve()
	}
	return nil
}

// roomInRing reports whether a private Queue has room for a value. The caller holds the
// lock.
func (q *Queue[T]) roomInRing() bool { return q.ring.length+uint64(q.held()) < q.places }

// sendShared is Send to a Queue with a handle.
func (q *Queue[T]) sendShared(c *cells[T], v *T) outcome {
	got := c.send(v)
	for got == full && !q.isFull(c) {
		got = c.send(v)
	}
	if got == awaited {
		q.mu.Lock()
		q.serve()
		q.mu.Unlock()
	}
	return got
}

// isFull is called after cells have refused a value. It lets senders use the room of values
// that were received from C, and reports whether the Queue was full nevertheless at a moment
// of this call: when settle found held, at which no sender had claimed another position.
func (q *Queue[T]) isFull(c *cells[T]) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	before := c.tail.Load()
	q.settle()
	held := q.held()
	c.free(held)
	return before == c.tail.Load() && before&closed == 0 && before-c.head.Load() > c.mask
}
