package queue

import (
	"context"
	"fmt"
	"os"
	"unsafe"

	"github.com/eventchan/eventchan/internal/ctxdone"
)

// Receive removes the first value from the Queue and returns it, blocking until there is
// one, ctx is done, or the Queue is closed and empty. Waiting goroutines are served in FIFO
// order.
//
// If ctx is done first, Receive returns ctx.Err() and takes nothing. If ctx is already done,
// it returns immediately, even if there is a value. If a value was handed over before Receive
// has noticed that ctx is done, Receive returns it with a nil error. Once the Queue is closed
// and empty, Receive returns an error matching [os.ErrClosed]. If ctx is nil, it returns an
// error matching [os.ErrInvalid].
//
// It costs one lock acquisition, or a few if it blocks. It does not allocate unless several
// goroutines are waiting. [Queue.ReceiveBatch] costs less per value.
func (q *Queue[T]) Receive(ctx context.Context) (v T, err error) {
	if err := q.refusal(ctx, "Receive"); err != nil {
		return v, err
	}
	if v, ok := q.TryReceive(); ok {
		return v, nil
	}
	done := ctx.Done() // no method of ctx is called with the lock held or while the call is queued
	q.mu.Lock()
	p := q.vacant()
	n := q.wait(done, p, p.Value.one)
	if n > 0 {
		v = p.Value.one[0]
	}
	release(p)
	return v, failure(ctx, n, "Receive")
}

// ReceiveBatch removes the first values from the Queue, at most len(dst), copies them to dst
// and returns their number. It blocks only while there is none. If dst is empty, it returns
// 0, and nil unless ctx is done. Blocking, cancellation and errors are those of
// [Queue.Receive]; if it returns an error, it has taken nothing.
//
// It costs one lock acquisition for all values, or a few if it blocks. Other calls wait while
// it copies. It does not allocate unless several goroutines are waiting.
func (q *Queue[T]) ReceiveBatch(ctx context.Context, dst []T) (int, error) {
	if err := q.refusal(ctx, "ReceiveBatch"); err != nil {
		return 0, err
	}
	if len(dst) == 0 {
		return 0, nil
	}
	if n := q.tryTake(dst); n > 0 {
		return n, nil
	}
	done := ctx.Done()
	q.mu.Lock()
	p := q.vacant()
	n := q.wait(done, p, dst)
	release(p)
	return max(n, 0), failure(ctx, n, "ReceiveBatch")
}

// TryReceive removes the first value from the Queue and returns it and true. It returns false if
// there is none, apart from those in C's buffer, or if other goroutines are already waiting for it.
// After Handle it also returns false while a Send or a C thread that came first is still copying its
// value, even if later values are complete. After Close it returns the values that are left. It
// never blocks. It costs one lock acquisition and does not allocate.
func (q *Queue[T]) TryReceive() (v T, ok bool) {
	ok = q.tryTake(unsafe.Slice(&v, 1)) > 0
	return v, ok
}

// tryTake moves values to dst and returns their number, which is 0 if goroutines are
// waiting for them.
func (q *Queue[T]) tryTake(dst []T) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.gather(len(dst))
	if q.waiters.Len() > 0 {
		if q.serve(); q.waiters.Len() > 0 {
			return 0 // a value that has come since is a waiter's
		}
	}
	return q.take(dst)
}

// refusal returns the error with which a call must return before it receives, if any.
func (q *Queue[T]) refusal(ctx context.Context, call string) error {
	if ctx == nil {
		return fmt.Errorf("queue: %s: nil context: %w", call, os.ErrInvalid)
	}
	err := ctx.Err()
	if err == nil {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.drained() {
		return closedError(call)
	}
	return err
}

// failure returns the error of a call for which wait has returned n.
func failure(ctx context.Context, n int, call string) error {
	switch n {
	case ended:
		return ctxdone.Err(ctx)
	case 0:
		return closedError(call)
	}
	return nil
}

func closedError(call string) error { return fmt.Errorf("queue: %s: %w", call, os.ErrClosed) }
