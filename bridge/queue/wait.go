package queue

import (
	"sync/atomic"

	"github.com/eventchan/eventchan/internal/fifo"
)

// A call is a Receive or ReceiveBatch that blocks. A place is its entry in the queue of
// waiters.
type (
	call[T any] struct {
		dst  []T
		got  chan int // with a buffer of one: the number of values in dst, 0 if closed
		one  []T      // the dst of Receive
		busy atomic.Bool
	}
	place[T any] = fifo.Node[call[T]]
)

func newPlace[T any]() *place[T] {
	return &place[T]{Value: call[T]{got: make(chan int, 1), one: make([]T, 1)}}
}

// vacant returns a place that is not in use and marks it as busy. That is home, or a new
// place if another call is using home. The caller holds the lock.
func (q *Queue[T]) vacant() *place[T] {
	p := q.home
	if !p.Value.busy.CompareAndSwap(false, true) {
		p = newPlace[T]()
	}
	return p
}

// release marks p as unused, and clears its reference to the caller's dst.
func release[T any](p *place[T]) {
	p.Value.dst = nil
	p.Value.busy.Store(false)
}

// ended is what wait returns if the ctx is done.
const ended = -1

// wait moves values to dst and returns their number, blocking until there are any. It returns 0 if the
// Queue is closed and empty. done is the Done channel of the caller's ctx. The caller holds the lock,
// which wait releases.
func (q *Queue[T]) wait(done <-chan struct{}, p *place[T], dst []T) (n int) {
	if q.waiters.Len() == 0 && !q.ready() && q.linger() {
		q.gather(len(dst))
	}
	if q.waiters.Len() == 0 {
		n = q.take(dst)
	}
	if n > 0 || q.closed {
		q.mu.Unlock()
		return n
	}
	p.Value.dst = dst
	q.waiters.Push(p)
	q.serve()
	q.mu.Unlock()
	if done == nil {
		return <-p.Value.got // faster than a select
	}
	select {
	case n = <-p.Value.got:
	case <-done:
		if q.leave(p) {
			return ended
		}
		n = <-p.Value.got // the call was served before it could leave
	}
	return n
}

// leave takes p out of the queue of waiters, and reports whether it was still there.
func (q *Queue[T]) leave(p *place[T]) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiters.Remove(p)
}
