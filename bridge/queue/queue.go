package queue

import (
	"fmt"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/eventchan/eventchan/internal/fifo"
)

// A Queue is a bounded first-in, first-out queue of values of one fixed size, which
// C threads and goroutines send and goroutines receive.
//
// Values of one sender are received in the order of its sends. A full Queue refuses
// what is sent, and overwrites nothing. After Close, values that were sent before can
// still be received, as from a closed channel.
//
// Only [Queue.Handle] makes a Queue accessible to C. Until then it is private: it is
// in Go's memory, makes no system call, and works on every system and inside a
// testing/synctest bubble.
//
// All methods can be called concurrently. The zero value is not usable.
type Queue[T any] struct {
	places   uint64 // for values
	pointers bool   // in T

	cells atomic.Pointer[cells[T]] // nil until Handle; what follows has the values then

	mu      sync.Mutex // protects all below, and the consumer's part of cells
	ring    ring[T]
	refused uint64 // sends of goroutines
	closed  bool

	waiters fifo.Queue[call[T]] // first come, first served
	home    *place[T]           // of the first waiter

	c       chan T // nil until C
	done    bool   // c is closed
	pumping bool   // a goroutine fills c
	inHand  int    // 1 while that goroutine waits for room for a value

	delivered uint64        // values that were in hand
	ask       chan struct{} // see settle

	forgotten runtime.Cleanup // gives cells back that are never received
}

// New returns a private Queue with room for at least capacity values. It makes no
// system call.
//
// T is a type whose values mean the same to C: integers, floats, bools, and arrays
// and structs of those, of 1 to 65,535 bytes. Pointers in it must be to C's memory,
// and only C can send them. New returns an error matching [os.ErrInvalid] if T
// contains a string, slice, map, interface, channel or function, if it has another
// size, if capacity is less than 1, or if the queue would need more than 1 GiB.
func New[T any](capacity int) (*Queue[T], error) {
	t := reflect.TypeFor[T]()
	pointers, err := check(t)
	if err != nil {
		return nil, fmt.Errorf("queue: New: %w", err)
	}
	n, err := places(capacity, t.Size())
	if err != nil {
		return nil, fmt.Errorf("queue: New: %w", err)
	}
	return &Queue[T]{places: n, pointers: pointers, home: newPlace[T]()}, nil
}

// ready reports whether there is a value to take. The caller holds the lock, here and
// below.
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

// Len returns the number of values in the Queue: those that are being sent and those
// in the buffer of C among them. After Close it counts what can still be received.
func (q *Queue[T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.settle()
	if c := q.cells.Load(); c != nil {
		return int(c.used()) + q.held()
	}
	return int(q.ring.length) + q.held()
}

// Cap returns for how many values there is room: the capacity of [New], rounded up to
// a power of two.
func (q *Queue[T]) Cap() int { return int(q.places) }

// Refused returns how many sends have found the Queue full, those of C among them.
func (q *Queue[T]) Refused() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	if c := q.cells.Load(); c != nil {
		return c.refused.Load()
	}
	return q.refused
}

// String returns the state of the Queue: "Queue(private)", "Queue(shared)" after
// Handle, or "Queue(closed)". It never waits for a sender or a receiver.
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
