package queue_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"testing"
	"unsafe"

	"github.com/eventchan/eventchan/bridge/queue"
	"github.com/eventchan/eventchan/internal/testing/handletest"
)

var background = context.Background()

// mustNew returns a queue, which is closed when the test ends.
func mustNew[T any](t testing.TB, capacity int) *queue.Queue[T] {
	t.Helper()
	q, err := queue.New[T](capacity)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	if shared() {
		mustHandle(t, q)
	}
	return q
}

func mustHandle[T any](t testing.TB, q *queue.Queue[T]) unsafe.Pointer {
	t.Helper()
	h := q.Handle()
	if h == nil {
		t.Fatal("Handle = nil")
	}
	return h
}

func mustSend[T any](t testing.TB, q *queue.Queue[T], v T) {
	t.Helper()
	if err := q.Send(v); err != nil {
		t.Fatalf("Send = %v", err)
	}
}

// A way is a way to send a value.
type way struct {
	name string
	send func(q *queue.Queue[int64], v int64) error
}

// ways returns Send and, if the queues have a handle, the send of C threads.
func ways() []way {
	all := []way{{"Send", (*queue.Queue[int64]).Send}}
	if shared() {
		all = append(all, way{"handle", sendAsC[int64]})
	}
	return all
}

// sendAsC sends as a C thread does, and returns the error that Send would return.
func sendAsC[T any](q *queue.Queue[T], v T) error {
	return errorOf(handletest.Send(q.Handle(), v))
}

func errorOf(answer handletest.Answer) error {
	switch answer {
	case handletest.OK:
		return nil
	case handletest.Full:
		return queue.ErrFull
	case handletest.Late:
		return os.ErrClosed
	}
	return errors.New(string(answer))
}

// eachWay runs a test with values that Go sends and with values that C sends.
func eachWay(t *testing.T, test func(t *testing.T, send func(testing.TB, *queue.Queue[int64], int64))) {
	for _, way := range ways() {
		t.Run(way.name, func(t *testing.T) {
			test(t, func(t testing.TB, q *queue.Queue[int64], v int64) {
				t.Helper()
				if err := way.send(q, v); err != nil {
					t.Fatalf("sending %d: %v", v, err)
				}
			})
		})
	}
}

func wantIs(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s = %v, want an error that matches %q", what, err, want)
	}
}

func wantReceive[T comparable](t testing.TB, q *queue.Queue[T], want T) {
	t.Helper()
	if got, err := q.Receive(background); got != want || err != nil {
		t.Errorf("Receive = %v, %v; want %v", got, err, want)
	}
}

func wantEmpty[T any](t testing.TB, q *queue.Queue[T]) {
	t.Helper()
	if got, ok := q.TryReceive(); ok {
		t.Errorf("TryReceive = %v, true; want nothing", got)
	}
	if got := q.Len(); got != 0 {
		t.Errorf("Len = %d, want 0", got)
	}
}

// An arrival is the result with which a waiter woke up.
type arrival struct {
	waiter int
	values []int64
	err    error
}

// startWaiters starts one goroutine per context, each when the one before it is asleep.
// Every other one calls Receive, and the rest call ReceiveBatch.
func startWaiters(q *queue.Queue[int64], ctxs ...context.Context) <-chan arrival {
	arrivals := make(chan arrival, len(ctxs))
	for i, ctx := range ctxs {
		before := queue.Waiting(q)
		go func() { arrivals <- receiveInTurn(q, ctx, i) }()
		for queue.Waiting(q) != before+1 {
			runtime.Gosched()
		}
	}
	return arrivals
}

func receiveInTurn(q *queue.Queue[int64], ctx context.Context, i int) arrival {
	if i%2 == 0 {
		v, err := q.Receive(ctx)
		if err != nil {
			return arrival{i, nil, err}
		}
		return arrival{i, []int64{v}, nil}
	}
	dst := make([]int64, 3)
	n, err := q.ReceiveBatch(ctx, dst)
	return arrival{i, dst[:n], err}
}

func contexts(n int) []context.Context {
	ctxs := make([]context.Context, n)
	for i := range ctxs {
		ctxs[i] = background
	}
	return ctxs
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(background)
	cancel()
	return ctx
}
