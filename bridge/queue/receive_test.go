package queue_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/eventchan/eventchan/bridge/queue"
)

// With a nil context, nothing is received.
func TestNilContextIsRefused(t *testing.T) {
	q := mustNew[int64](t, 2)
	mustSend(t, q, 7)
	//lint:ignore SA1012 a nil ctx is the bad input under test
	_, err := q.Receive(nil)
	wantIs(t, "Receive(nil)", err, os.ErrInvalid)
	//lint:ignore SA1012 a nil ctx is the bad input under test
	n, err := q.ReceiveBatch(nil, make([]int64, 2))
	wantIs(t, "ReceiveBatch(nil)", err, os.ErrInvalid)
	if n != 0 {
		t.Errorf("ReceiveBatch(nil) = %d, want 0", n)
	}
	wantReceive(t, q, 7)
}

// With a context that is already done, nothing is received even if there is a value.
func TestEndedContextTakesNothing(t *testing.T) {
	eachWay(t, func(t *testing.T, send func(testing.TB, *queue.Queue[int64], int64)) {
		q := mustNew[int64](t, 2)
		send(t, q, 7)
		ctx, dst := canceled(), []int64{-1, -1}
		if got, err := q.Receive(ctx); got != 0 || err != context.Canceled {
			t.Errorf("Receive = %d, %v; want 0, context.Canceled", got, err)
		}
		if got, err := q.ReceiveBatch(ctx, dst); got != 0 || err != context.Canceled || dst[0] != -1 {
			t.Errorf("ReceiveBatch = %d, %v with %d; want 0, context.Canceled with nothing", got, err, dst)
		}
		wantReceive(t, q, 7)
	})
}

// If the context of a waiting goroutine is canceled, the wait ends, and the next value goes
// to another receiver.
func TestContextEndsAWait(t *testing.T) {
	eachWay(t, func(t *testing.T, send func(testing.TB, *queue.Queue[int64], int64)) {
		q := mustNew[int64](t, 2)
		ctx, cancel := context.WithCancel(background)
		arrivals := startWaiters(q, ctx, ctx)
		cancel()
		for range 2 {
			if got := <-arrivals; len(got.values) != 0 || got.err != context.Canceled {
				t.Errorf("waiter %d got %d, %v; want nothing, context.Canceled", got.waiter, got.values, got.err)
			}
		}
		send(t, q, 5)
		wantReceive(t, q, 5)
		wantEmpty(t, q)
	})
}

// With an empty dst, ReceiveBatch receives nothing and does not block.
func TestEmptyDstReceivesNothing(t *testing.T) {
	q := mustNew[int64](t, 2)
	for _, when := range []string{"empty", "with a value"} {
		if n, err := q.ReceiveBatch(background, nil); n != 0 || err != nil {
			t.Errorf("%s: ReceiveBatch(nil) = %d, %v; want 0, nil", when, n, err)
		}
		q.Send(7)
	}
	wantReceive(t, q, 7)
}

// ReceiveBatch receives all values, but at most len(dst).
func TestBatchIsWhatIsThere(t *testing.T) {
	eachWay(t, func(t *testing.T, send func(testing.TB, *queue.Queue[int64], int64)) {
		q := mustNew[int64](t, 256)
		next := int64(0)
		for _, size := range []int{200, 64, 63, 1} { // more and fewer than the 64 after which places are freed
			for i := range 200 {
				send(t, q, next+int64(i))
			}
			dst := make([]int64, size)
			for left := 200; left > 0; left -= size {
				n, err := q.ReceiveBatch(background, dst)
				if n != min(left, size) || err != nil {
					t.Fatalf("ReceiveBatch = %d, %v of %d; want %d", n, err, left, min(left, size))
				}
				for _, got := range dst[:n] {
					if got != next {
						t.Fatalf("received %d, want %d", got, next)
					}
					next++
				}
			}
		}
		wantEmpty(t, q)
	})
}

// Waiting goroutines are served in FIFO order.
func TestWaitersAreServedInOrder(t *testing.T) {
	eachWay(t, func(t *testing.T, send func(testing.TB, *queue.Queue[int64], int64)) {
		q := mustNew[int64](t, 2)
		arrivals := startWaiters(q, contexts(50)...)
		for i := range 50 {
			send(t, q, int64(100+i))
			got := <-arrivals
			if got.waiter != i || len(got.values) != 1 || got.values[0] != int64(100+i) || got.err != nil {
				t.Errorf("value %d reached waiter %d as %d, %v", 100+i, got.waiter, got.values, got.err)
			}
		}
		wantEmpty(t, q)
	})
}

// A waiter that gives up takes nothing from those behind it.
func TestCancelingOneOfMany(t *testing.T) {
	eachWay(t, func(t *testing.T, send func(testing.TB, *queue.Queue[int64], int64)) {
		q := mustNew[int64](t, 2)
		ctxs := contexts(20)
		var cancel context.CancelFunc
		ctxs[9], cancel = context.WithCancel(background)
		arrivals := startWaiters(q, ctxs...)
		cancel()
		if got := <-arrivals; got.waiter != 9 || got.err != context.Canceled {
			t.Errorf("waiter %d got %d, %v; want 9 to get context.Canceled", got.waiter, got.values, got.err)
		}
		for i := range 20 {
			if i == 9 {
				continue
			}
			send(t, q, int64(i))
			if got := <-arrivals; got.waiter != i || len(got.values) != 1 || got.values[0] != int64(i) {
				t.Errorf("waiter %d got %d, %v; want waiter %d to get %d", got.waiter, got.values, got.err, i, i)
			}
		}
	})
}

// A value that arrives while a goroutine is waiting goes to that goroutine. Neither
// TryReceive nor C overtakes it.
func TestNothingOvertakesAWaiter(t *testing.T) {
	for _, way := range ways() {
		t.Run(way.name, func(t *testing.T) {
			q := mustNew[int64](t, 2)
			var c <-chan int64
			for i := range int64(rounds(4000)) {
				if i == int64(rounds(2000)) {
					c = q.C()
				}
				arrivals := startWaiters(q, background)
				sent := make(chan error)
				go func() { sent <- way.send(q, i) }()
				for done := false; !done; pauseIfAlone() {
					if got, ok := q.TryReceive(); ok {
						t.Fatalf("round %d: TryReceive = %d, true, although a goroutine is waiting", i, got)
					}
					select {
					case err := <-sent:
						if err != nil {
							t.Fatal(err)
						}
						done = true
					default:
					}
				}
				select {
				case got := <-c:
					t.Fatalf("round %d: C gave %d, although a goroutine is waiting", i, got)
				case got := <-arrivals:
					wantArrival(t, got, i)
				}
			}
		})
	}
}

func wantArrival(t *testing.T, got arrival, want int64) {
	t.Helper()
	if len(got.values) != 1 || got.values[0] != want || got.err != nil {
		t.Fatalf("the waiter got %d, %v; want %d", got.values, got.err, want)
	}
}

// If a value arrives at the moment when the context of a waiter is canceled, the waiter
// receives it or it is left for others, but it is not lost.
func TestValueOfAWaiterThatGivesUpIsNotLost(t *testing.T) {
	for _, way := range ways() {
		t.Run(way.name, func(t *testing.T) {
			q := mustNew[int64](t, 2)
			for i := range int64(rounds(20_000)) {
				ctx, cancel := context.WithCancel(background)
				arrivals := make(chan arrival)
				go func() { arrivals <- receiveInTurn(q, ctx, int(i)) }()
				for range i % 16 { // so that the cancellation comes at another step of the waiter each time
					queue.Waiting(q)
				}
				go cancel()
				if err := way.send(q, i); err != nil {
					t.Fatal(err)
				}
				got := <-arrivals
				if errors.Is(got.err, context.Canceled) {
					wantReceive(t, q, i)
				} else if len(got.values) != 1 || got.values[0] != i {
					t.Fatalf("the waiter got %d, %v; want %d", got.values, got.err, i)
				}
				if left, ok := q.TryReceive(); ok {
					t.Fatalf("TryReceive = %d, which was received before", left)
				}
			}
		})
	}
}
