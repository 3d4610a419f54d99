package queue_test

import (
	"errors"
	"os"
	"testing"

	"github.com/eventchan/eventchan/bridge/queue"
)

// Values are received in the order in which they were sent, and exactly Cap values fit.
func TestFirstInFirstOut(t *testing.T) {
	q := mustNew[int32](t, 5)
	if got := q.Cap(); got != 8 {
		t.Fatalf("Cap = %d of a queue for 5, want 8", got)
	}
	for i := range 3 * q.Cap() {
		err := q.Send(int32(i))
		if i < q.Cap() && err != nil || i >= q.Cap() && !errors.Is(err, queue.ErrFull) {
			t.Fatalf("Send %d of %d = %v", i, q.Cap(), err)
		}
	}
	if got := q.Refused(); got != uint64(2*q.Cap()) {
		t.Errorf("Refused = %d, want %d", got, 2*q.Cap())
	}
	if got := q.Len(); got != q.Cap() {
		t.Errorf("Len = %d, want %d", got, q.Cap())
	}
	dst := make([]int32, 3)
	for next := int32(0); next < int32(q.Cap()); {
		n, err := q.ReceiveBatch(background, dst)
		if err != nil || n == 0 {
			t.Fatalf("ReceiveBatch = %d, %v", n, err)
		}
		for _, got := range dst[:n] {
			if got != next {
				t.Fatalf("received %d, want %d", got, next)
			}
			next++
		}
	}
	if got, ok := q.TryReceive(); ok {
		t.Errorf("TryReceive = %d of an empty queue", got)
	}
}

// Values sent before Close can be received after it.
func TestCloseLeavesWhatWasSent(t *testing.T) {
	q := mustNew[int32](t, 8)
	for i := range int32(5) {
		mustSend(t, q, i)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	if err := q.Send(9); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Send after Close = %v, want os.ErrClosed", err)
	}
	for want := range int32(5) {
		if got, err := q.Receive(background); got != want || err != nil {
			t.Errorf("Receive after Close = %d, %v; want %d", got, err, want)
		}
	}
	if _, err := q.Receive(background); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Receive of a closed queue = %v, want os.ErrClosed", err)
	}
}
