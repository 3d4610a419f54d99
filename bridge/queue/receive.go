package queue

import (
	"context"
	"fmt"
	"os"
	"unsafe"
)

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
	if err := q.refusal(ctx, "Receive"); err != nil {
		return v, err
	}
	if v, ok := q.TryReceive(); ok {
		return v, nil
	}
	q.mu.Lock()
	p := q.vacant()
	n, err := q.wait(ctx, p, p.Value.one, "Receive")
	if n > 0 {
		v = p.Value.one[0]
	}
	release(p)
	return v, err
}

// ReceiveBatch takes the first values, at most len(dst) of them, moves them to dst and
// returns how many there were. It waits only while there is none. If dst is empty, it
// returns 0 and nil. Waiting, cancellation and errors are those of [Queue.Receive];
// with an error no value was taken.
//
// It costs a lock, and does not allocate unless several goroutines wait.
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
	q.mu.Lock()
	p := q.vacant()
	n, err := q.wait(ctx, p, dst, "ReceiveBatch")
	release(p)
	return n, err
}

// TryReceive takes the first value and returns it and true. It returns false if there
// is none. It never blocks and does not allocate, and costs a lock.
func (q *Queue[T]) TryReceive() (v T, ok bool) {
	ok = q.tryTake(unsafe.Slice(&v, 1)) > 0
	return v, ok
}

// tryTake moves values to dst and returns how many, 0 if they belong to waiters.
func (q *Queue[T]) tryTake(dst []T) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.gather(len(dst))
	if q.waiters.Len() > 0 {
		if q.serve(); q.waiters.Len() > 0 {
			return 0 // even if a value has come since, for that is a waiter's
		}
	}
	return q.take(dst)
}

// refusal returns what keeps a call from receiving.
func (q *Queue[T]) refusal(ctx context.Context, call string) error {
	if ctx == nil {
		return fmt.Errorf("queue: %s: the context is nil: %w", call, os.ErrInvalid)
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

func closedError(call string) error { return fmt.Errorf("queue: %s: %w", call, os.ErrClosed) }
