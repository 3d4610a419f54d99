package queue_test

import (
	"errors"
	"os"
	"testing"

	"github.com/eventchan/eventchan/bridge/queue"
)

// wantClosed checks all methods of a queue that is closed and empty.
func wantClosed(t *testing.T, q *queue.Queue[int64]) {
	t.Helper()
	wantIs(t, "a second Close", q.Close(), os.ErrClosed)
	wantIs(t, "Send after Close", q.Send(1), os.ErrClosed)
	got, err := q.Receive(background)
	wantIs(t, "Receive after Close", err, os.ErrClosed)
	dst := []int64{-1}
	n, err := q.ReceiveBatch(background, dst)
	wantIs(t, "ReceiveBatch after Close", err, os.ErrClosed)
	if got != 0 || n != 0 || dst[0] != -1 {
		t.Errorf("received %d, %d of %d after Close, want nothing", got, n, dst)
	}
	if n, err := q.ReceiveBatch(background, nil); n != 0 || err != nil {
		t.Errorf("ReceiveBatch(nil) = %d, %v after Close; want 0, nil", n, err)
	}
	wantEmpty(t, q)
	if got, ok := <-q.C(); ok {
		t.Errorf("C gave %d after Close, want it to be closed", got)
	}
	if got := q.Handle(); got != nil {
		t.Errorf("Handle = %p after Close, want nil", got)
	}
	if got := q.String(); got != "Queue(closed)" {
		t.Errorf("String = %q, want Queue(closed)", got)
	}
}

// After Close of an empty queue, every call fails, including a second Close.
func TestEverythingAfterClose(t *testing.T) {
	q := mustNew[int64](t, 3)
	if err := q.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	if got := q.Cap(); got != 4 {
		t.Errorf("Cap = %d after Close, want 4", got)
	}
	wantClosed(t, q)
}

// Values sent before Close can be received by every method, and nothing after them.
func TestCloseLeavesValuesToEveryCall(t *testing.T) {
	eachWay(t, func(t *testing.T, send func(testing.TB, *queue.Queue[int64], int64)) {
		q := mustNew[int64](t, 8)
		for i := range int64(8) {
			send(t, q, i)
		}
		if err := q.Send(8); !errors.Is(err, queue.ErrFull) {
			t.Errorf("Send = %v, want ErrFull", err)
		}
		if err := q.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
		if got := q.Len(); got != 8 {
			t.Errorf("Len = %d after Close, want 8", got)
		}
		wantReceive(t, q, 0)
		if got, ok := q.TryReceive(); got != 1 || !ok {
			t.Errorf("TryReceive = %d, %v; want 1", got, ok)
		}
		dst := make([]int64, 2)
		if n, err := q.ReceiveBatch(background, dst); n != 2 || err != nil || dst[0] != 2 || dst[1] != 3 {
			t.Errorf("ReceiveBatch = %d, %v with %d; want 2 and 3", n, err, dst)
		}
		if got, err := q.Receive(canceled()); err == nil {
			t.Errorf("Receive with an ended context = %d", got)
		}
		for want := int64(4); want < 8; want++ { // the first call of C comes after Close
			if got, ok := <-q.C(); got != want || !ok {
				t.Errorf("C gave %d, %v; want %d", got, ok, want)
			}
		}
		wantClosed(t, q)
		if got := q.Refused(); got != 1 {
			t.Errorf("Refused = %d, want 1", got)
		}
	})
}

// Close wakes all waiters.
func TestCloseWakesWaiters(t *testing.T) {
	q := mustNew[int64](t, 2)
	arrivals := startWaiters(q, contexts(20)...)
	if err := q.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	for range 20 {
		if got := <-arrivals; len(got.values) != 0 || !errors.Is(got.err, os.ErrClosed) {
			t.Errorf("waiter %d got %d, %v; want os.ErrClosed", got.waiter, got.values, got.err)
		}
	}
}

// A value sent before Close is delivered to a waiter, even if Close comes before it was
// handed over.
func TestCloseDeliversToAWaiter(t *testing.T) {
	eachWay(t, func(t *testing.T, send func(testing.TB, *queue.Queue[int64], int64)) {
		for range 200 {
			q := mustNew[int64](t, 2)
			arrivals := startWaiters(q, contexts(2)...)
			send(t, q, 5)
			q.Close()
			received := 0
			for range 2 {
				got := <-arrivals
				if len(got.values) > 0 && got.values[0] == 5 {
					received++
				} else if !errors.Is(got.err, os.ErrClosed) {
					t.Errorf("waiter %d got %d, %v; want 5 or os.ErrClosed", got.waiter, got.values, got.err)
				}
			}
			if received != 1 {
				t.Errorf("5 was received %d times, want once", received)
			}
		}
	})
}
