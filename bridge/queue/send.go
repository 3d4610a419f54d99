package queue

import (
	"errors"
	"fmt"
	"os"
)

// ErrFull is returned by a Send that finds no place for its value.
var ErrFull = errors.New("queue: full")

// Send sends v. It never blocks.
//
// It returns [ErrFull] if there is no place for v, an error matching [os.ErrClosed]
// after Close, and an error matching [os.ErrInvalid] if T contains pointers, because
// a queue does not keep Go's memory from being freed. A value for which it has
// returned nil is received, even if Close runs at the same time; any other never is.
//
// It does not allocate. It costs a lock or, after Handle, two atomic operations, and
// a lock if a goroutine waits.
func (q *Queue[T]) Send(v T) error {
	if q.pointers {
		return fmt.Errorf("queue: Send: the value contains pointers, which only C can send: %w", os.ErrInvalid)
	}
	c := q.cells.Load()
	if c == nil {
		q.mu.Lock()
		room := q.roomInRing()
		if !room {
			q.settle() // gives up the lock, so Handle and Close can come in between
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

// sendPrivate is Send while there are no cells. The caller holds the lock. It has
// looked once whether there is room: C's goroutine counts a value twice while it
// delivers it, so that a second look can find less.
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

func (q *Queue[T]) roomInRing() bool { return q.ring.length+uint64(q.held()) < q.places }

// sendShared is Send after Handle.
func (q *Queue[T]) sendShared(c *cells[T], v *T) outcome {
	got := c.send(v)
	if got == full {
		q.mu.Lock()
		q.settle()
		c.free(q.held())
		q.mu.Unlock()
		got = c.send(v)
	}
	if got == awaited {
		q.mu.Lock()
		q.serve()
		q.mu.Unlock()
	}
	return got
}
