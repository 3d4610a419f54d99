// Package fifo provides the queue in which goroutines wait. Unlike container/list
// it does not allocate, so that a waiter can be reused, and it reports whether
// a waiter was still in the queue.
package fifo

// A Node is a place in a Queue. Its zero value is not in a Queue.
type Node[T any] struct {
	Value      T
	prev, next *Node[T]
	queued     bool
}

// A Queue is a first-in, first-out queue of Nodes. The zero value is empty. A Queue is
// not safe for concurrent use.
type Queue[T any] struct {
	first, last *Node[T]
	length      int
}

// Len returns the number of Nodes in q.
func (q *Queue[T]) Len() int { return q.length }

// First returns the Node that has been in q the longest, or nil.
func (q *Queue[T]) First() *Node[T] { return q.first }

// Queued reports whether n is in a Queue.
func (n *Node[T]) Queued() bool { return n.queued }

// Next returns the Node behind n, or nil.
func (n *Node[T]) Next() *Node[T] { return n.next }

// Push puts n at the end of q. n must not be in a Queue.
func (q *Queue[T]) Push(n *Node[T]) {
	n.prev, n.next, n.queued = q.last, nil, true
	if q.last == nil {
		q.first = n
	} else {
		q.last.next = n
	}
	q.last = n
	q.length++
}

// Pop removes the first Node from q and returns it, or nil if q is empty.
func (q *Queue[T]) Pop() *Node[T] {
	n := q.first
	if n != nil {
		q.Remove(n)
	}
	return n
}

// Remove removes n from q, and reports whether it was in q. It takes constant time.
func (q *Queue[T]) Remove(n *Node[T]) bool {
	if !n.queued {
		return false
	}
	if n.prev == nil {
		q.first = n.next
	} else {
		n.prev.next = n.next
	}
	if n.next == nil {
		q.last = n.prev
	} else {
		n.next.prev = n.prev
	}
	n.prev, n.next, n.queued = nil, nil, false
	q.length--
	return true
}
