package queue_test

import (
	"errors"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/eventchan/eventchan/bridge/queue"
	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
)

// A receiver that is about to sleep when Close comes receives a value that was sent before
// Close, even behind a place that a C thread has reserved but not committed.
func TestCloseWhileAReceiverLooks(t *testing.T) {
	if !rawefd.HasDoorbell || !rawefd.SharedAtomics {
		t.Skip("a queue has no handle here")
	}
	round := 0
	hammer.For(time.Second, 1, func() {
		round++
		q, err := queue.New[int32](4)
		if err != nil {
			t.Fatal(err)
		}
		h := mustHandle(t, q)
		mustSend(t, q, 1)
		mustSend(t, q, 2)
		if n, err := q.ReceiveBatch(background, make([]int32, 2)); n != 2 || err != nil { // makes a stream, in which receivers poll before they sleep
			t.Fatalf("ReceiveBatch = %d, %v", n, err)
		}
		reserve(h)
		mustSend(t, q, 9)
		type result struct {
			v   int32
			err error
		}
		got := make(chan result, 1)
		started := make(chan struct{})
		go func() {
			close(started)
			v, err := q.Receive(background)
			got <- result{v, err}
		}()
		<-started
		for until := time.Now().Add(time.Duration(round%40) * time.Microsecond); time.Now().Before(until); {
			runtime.Gosched()
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		if r := <-got; r != (result{9, nil}) {
			t.Fatalf("round %d: Receive = %d, %v; want 9, which was sent before Close", round, r.v, r.err)
		}
		if _, err := q.Receive(background); !errors.Is(err, os.ErrClosed) {
			t.Fatalf("Receive of a closed and empty queue = %v, want os.ErrClosed", err)
		}
	})
}

// reserve does what eventchan_reserve does if the queue is not full.
func reserve(handle unsafe.Pointer) (position uint64) {
	tail := *(**atomic.Uint64)(unsafe.Add(handle, 40))
	return tail.Add(1) - 1
}
