package queue_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/eventchan/eventchan/bridge/queue"
	"github.com/eventchan/eventchan/internal/testing/hammer"
)

// Methods of a context can use the Queue, because Receive does not call them with the lock held.
func TestContextUsesTheQueue(t *testing.T) {
	eachWay(t, func(t *testing.T, send func(testing.TB, *queue.Queue[int64], int64)) {
		q := mustNew[int64](t, 8)
		inner, cancel := context.WithCancel(background)
		ctx := &hammer.HookedContext{Context: inner, Hook: func() { q.Len() }}
		for i := range int64(10) {
			arrivals := startWaiters(q, ctx)
			send(t, q, i)
			if got := <-arrivals; got.err != nil || got.values[0] != i {
				t.Fatalf("Receive = %v, %v; want %d", got.values, got.err, i)
			}
		}
		arrivals := startWaiters(q, ctx)
		cancel()
		wantIs(t, "Receive", (<-arrivals).err, context.Canceled)
	})
}

// A context that panics ends its own Receive, and no value is lost.
func TestContextPanics(t *testing.T) {
	eachWay(t, func(t *testing.T, send func(testing.TB, *queue.Queue[int64], int64)) {
		for _, receive := range []func(*queue.Queue[int64], context.Context) error{
			func(q *queue.Queue[int64], ctx context.Context) error { _, err := q.Receive(ctx); return err },
			func(q *queue.Queue[int64], ctx context.Context) error {
				_, err := q.ReceiveBatch(ctx, make([]int64, 2))
				return err
			},
		} {
			hammer.PanicEach(func(ctx context.Context, cancel func()) {
				q := mustNew[int64](t, 8)
				missing := 0
				var err error
				for i := 1; err == nil; i++ {
					ended := make(chan error, 1)
					go func() { ended <- hammer.Recover(func() error { return receive(q, ctx) }) }()
					for queue.Waiting(q) == 0 && len(ended) == 0 {
						runtime.Gosched()
					}
					if i == 3 {
						cancel()
					} else {
						send(t, q, 1)
						missing++
					}
					if err = <-ended; err == nil {
						missing--
					}
				}
				for range missing {
					wantReceive(t, q, 1)
				}
				wantEmpty(t, q)
				q.Close()
			})
		}
	})
}

// A context that is done and has no error does not make Receive return a value that was never sent.
func TestContextWithoutAnError(t *testing.T) {
	q := mustNew[int64](t, 8)
	inner, cancel := context.WithCancel(background)
	ctx := hammer.SilentContext{Context: inner}
	arrivals := startWaiters(q, ctx, ctx)
	cancel()
	for range 2 {
		wantIs(t, "Receive", (<-arrivals).err, context.Canceled)
	}
}
