package queue

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"github.com/eventchan/eventchan/internal/fifo"
)

// A call is one of Receive or ReceiveBatch that waits.
type (
	call[T any] struct {
		dst  []T
		got  chan int // with a buffer of one: how many values are in dst, 0 after Close
		one  []T      // dst of Receive
		busy atomic.Bool
	}
	place[T any] = fifo.Node[call[T]]
)

func newPlace[T any]() *place[T] {
	return &place[T]{Value: call[T]{got: make(chan int, 1), one: make([]T, 1)}}
}

// vacant returns a place that no call uses, which is busy from now on. The caller
// holds the lock.
func (q *Queue[T]) vacant() *place[T] {
	p := q.home
	if !p.Value.busy.CompareAndSwap(false, true) {
		p = newPlace[T]()
	}
	return p
}

// Receive takes the first value and returns it. While there is none it waits;
// goroutines that wait are served first come, first served.
//
// If ctx is done first, Receive returns ctx.Err() and has taken nothing. It does so
// immediately if ctx is already done, even if there is a value. A value that reached
// the waiter just before is returned with a nil error. After Close, once nothing is
// left, Receive returns an error matching [os.ErrClosed]. If ctx is nil, it returns an
// error matching [os.ErrInvalid].
//
// It costs a lock, and does not allocate unless several goroutines wait. Where a
// channel is not needed, ReceiveBatch costs less for each value.
func (q *Queue[T]) Receive(ctx context.Context) (v T, err error) {
	if err := q.refusal(ctx); err != nil {
		return v, failed("Receive", err)
	}
	if v, ok := q.TryReceive(); ok {
		return v, nil
	}
	q.mu.Lock()
	p := q.vacant()
	_, err = q.wait(ctx, p, p.Value.one)
	v = p.Value.one[0]
	p.Value.busy.Store(false)
	if err != nil {
		return *new(T), failed("Receive", err)
	}
	return v, nil
}

// ReceiveBatch takes the first values, at most len(dst) of them, moves them to dst and
// returns how many there were. It waits only while there is none. If dst is empty, it
// returns 0 and nil. Waiting, cancellation and errors are those of [Queue.Receive];
// with an error no value was taken.
//
// It costs a lock, and does not allocate unless several goroutines wait.
func (q *Queue[T]) ReceiveBatch(ctx context.Context, dst []T) (int, error) {
	if err := q.refusal(ctx); err != nil {
		return 0, failed("ReceiveBatch", err)
	}
	if len(dst) == 0 {
		return 0, nil
	}
	if n := q.tryTake(dst); n > 0 {
		return n, nil
	}
	q.mu.Lock()
	p := q.vacant()
	n, err := q.wait(ctx, p, dst)
	p.Value.busy.Store(false)
	if err != nil {
		return 0, failed("ReceiveBatch", err)
	}
	return n, nil
}

// TryReceive takes the first value and returns it and true. It returns false if there
// is none. It never blocks and does not allocate, and costs a lock.
func (q *Queue[T]) TryReceive() (v T, ok bool) {
	ok = q.tryTake((*[1]T)(unsafe.Pointer(&v))[:]) > 0
	return v, ok
}

// tryTake moves values to dst and returns how many, 0 if they belong to waiters.
func (q *Queue[T]) tryTake(dst []T) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiters.Len() > 0 {
		if q.serve(); q.waiters.Len() > 0 {
			return 0 // even if a value has come since, for that is a waiter's
		}
	}
	return q.take(dst)
}

// refusal returns what keeps a call from receiving.
func (q *Queue[T]) refusal(ctx context.Context) error {
	if ctx == nil {
		return fmt.Errorf("the context is nil: %w", os.ErrInvalid)
	}
	if err := ctx.Err(); err != nil {
		q.mu.Lock()
		defer q.mu.Unlock()
		if q.drained() {
			return os.ErrClosed
		}
		return err
	}
	return nil
}

// failed says which call failed. The error of a context is returned as it is.
func failed(call string, err error) error {
	if err == context.Canceled || err == context.DeadlineExceeded {
		return err
	}
	return fmt.Errorf("queue: %s: %w", call, err)
}

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

// wait moves values to dst and returns how many. The caller holds the lock, which wait
// gives up.
func (q *Queue[T]) wait(ctx context.Context, p *place[T], dst []T) (n int, err error) {
	if q.waiters.Len() == 0 && (q.ready() || q.linger()) && q.waiters.Len() == 0 {
		n = q.take(dst)
	}
	if n > 0 || q.closed {
		q.mu.Unlock()
		return result(n)
	}
	p.Value.dst = dst
	q.waiters.Push(p)
	q.serve()
	q.mu.Unlock()
	if ctx.Done() == nil {
		return result(<-p.Value.got) // quicker than a select
	}
	select {
	case n = <-p.Value.got:
	case <-ctx.Done():
		if q.leave(p) {
			return 0, ctx.Err()
		}
		n = <-p.Value.got // it was served before it could leave
	}
	return result(n)
}

func result(n int) (int, error) {
	if n == 0 {
		return 0, os.ErrClosed
	}
	return n, nil
}

// leave takes p out of the queue of waiters, and reports whether it was still there.
func (q *Queue[T]) leave(p *place[T]) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiters.Remove(p)
}
