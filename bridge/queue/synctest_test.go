package queue_test

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eventchan/eventchan/bridge/queue"
)

// inBubble runs f in a testing/synctest bubble, only with private queues because others do
// not work there.
func inBubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	if !shared() {
		synctest.Test(t, f)
	}
}

func TestBubbleSeesReceiversBlocked(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		q := mustNew[int64](t, 4)
		var got []int64
		for i := range 4 {
			go func() {
				a := receiveInTurn(q, t.Context(), i)
				if a.err != nil {
					t.Errorf("waiter %d got %v", i, a.err)
				}
				got = append(got, a.values...)
			}()
			synctest.Wait() // returns only if the waiter is durably blocked
		}
		for i := range int64(4) {
			mustSend(t, q, 10+i)
			synctest.Wait()
			if len(got) != int(i)+1 || got[i] != 10+i {
				t.Errorf("received %d, want %d last", got, 10+i)
			}
		}
	})
}

func TestBubbleHasTheDeadlineOfReceive(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		q := mustNew[int64](t, 4)
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if got, err := q.Receive(ctx); got != 0 || err != context.DeadlineExceeded {
			t.Errorf("Receive = %d, %v; want 0, context.DeadlineExceeded", got, err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		time.AfterFunc(time.Minute, func() { q.Send(7) })
		if got, err := q.Receive(ctx); got != 7 || err != nil {
			t.Errorf("Receive = %d, %v; want 7", got, err)
		}
		if took := time.Since(start); took != time.Hour+time.Minute {
			t.Errorf("both took %v of the bubble's time, want an hour and a minute", took)
		}
	})
}

// The goroutine of C is durably blocked while values are left over.
func TestBubbleSeesCBlocked(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		q := mustNew[int64](t, 4)
		c := q.C()
		for i := range int64(4) {
			mustSend(t, q, i)
			synctest.Wait()
		}
		wantIs(t, "Send", q.Send(4), queue.ErrFull)
		synctest.Wait()
		var got []int64
		open := true
		go func() {
			for v := range c {
				got = append(got, v)
			}
			open = false
		}()
		synctest.Wait()
		mustSend(t, q, 4)
		synctest.Wait()
		if len(got) != 5 || got[4] != 4 || !open {
			t.Errorf("received %d, open %v; want 0 to 4, open", got, open)
		}
		mustSend(t, q, 5)
		q.Close()
		synctest.Wait()
		if len(got) != 6 || got[5] != 5 || open {
			t.Errorf("received %d, open %v; want 5 last, and C closed", got, open)
		}
	})
}

func TestBubbleIsLeftByCloseOfEveryWaiter(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		q := mustNew[int64](t, 4)
		var woken atomic.Int32
		for i := range 5 {
			go func() {
				if got := receiveInTurn(q, context.Background(), i); errors.Is(got.err, os.ErrClosed) {
					woken.Add(1)
				}
			}()
			synctest.Wait()
		}
		q.Close()
		synctest.Wait()
		if got := woken.Load(); got != 5 {
			t.Errorf("%d of 5 waiters woke with os.ErrClosed", got)
		}
	})
}

// A queue that was created outside a bubble works inside it, and then outside again.
func TestBubbleLeavesNothingInAQueue(t *testing.T) {
	if shared() {
		return
	}
	q := mustNew[int64](t, 4)
	use := func(t *testing.T) {
		for n := range 4 { // each round has one more waiter than there are places from earlier rounds
			results := make(chan int64, n)
			for range n {
				go func() {
					v, _ := q.Receive(context.Background())
					results <- v
				}()
			}
			sum := int64(0)
			for range n {
				mustSend(t, q, 1)
				sum += <-results
			}
			if sum != int64(n) {
				t.Errorf("%d waiters received %d", n, sum)
			}
		}
	}
	use(t)
	synctest.Test(t, use)
	use(t)
	synctest.Test(t, use)
	use(t)
}
