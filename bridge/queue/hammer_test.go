package queue_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eventchan/eventchan/bridge/queue"
	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
)

// A crowd is a queue with senders, which number their values, and receivers.
type crowd struct {
	*queue.Queue[int64]
	sending, receiving sync.WaitGroup
	accepted           [8]atomic.Int64
	received           [8]atomic.Int64
}

const numbers = 1 << 32 // a value is the index of its sender times numbers, plus a number from 1

// send starts a sender, which sends values until Close or until as many as times were
// accepted. A refused value is sent again.
func (c *crowd) send(t *testing.T, sender, times int, send func(*queue.Queue[int64], int64) error) {
	c.sending.Go(func() {
		for number := int64(1); number <= int64(times); {
			switch err := send(c.Queue, int64(sender)*numbers+number); {
			case err == nil:
				c.accepted[sender].Store(number)
				number++
			case errors.Is(err, queue.ErrFull):
				runtime.Gosched()
			case errors.Is(err, os.ErrClosed):
				return
			default:
				t.Errorf("send = %v", err)
				return
			}
			hammer.Yield()
		}
	})
}

// receive starts a receiver that calls some until it returns false.
func (c *crowd) receive(t *testing.T, some func(dst []int64) (n int, more bool)) {
	c.receiving.Go(func() {
		var last [8]int64
		dst := make([]int64, 16)
		for more := true; more; {
			var n int
			n, more = some(dst)
			for _, v := range dst[:n] {
				sender, number := v/numbers, v%numbers
				if number <= last[sender] {
					t.Errorf("sender %d: received %d after %d", sender, number, last[sender])
				}
				last[sender] = number
				c.received[sender].Add(1)
			}
			hammer.Yield()
		}
	})
}

// receiveInEveryWay starts receivers that compete, one for each method.
func (c *crowd) receiveInEveryWay(t *testing.T) {
	c.receive(t, func(dst []int64) (n int, more bool) {
		v, err := c.Receive(background)
		dst[0] = v
		return count(err == nil), err == nil
	})
	c.receive(t, func(dst []int64) (n int, more bool) {
		n, err := c.ReceiveBatch(background, dst)
		return n, err == nil
	})
	c.receive(t, func(dst []int64) (n int, more bool) {
		ctx, cancel := context.WithTimeout(background, time.Duration(rand.N(100))*time.Microsecond)
		defer cancel()
		n, err := c.ReceiveBatch(ctx, dst)
		return n, !errors.Is(err, os.ErrClosed)
	})
	c.receive(t, func(dst []int64) (n int, more bool) {
		v, ok := c.TryReceive()
		dst[0] = v
		runtime.Gosched()
		return count(ok), c.String() != "Queue(closed)"
	})
	channel := c.C()
	c.receive(t, func(dst []int64) (n int, more bool) {
		v, ok := <-channel
		dst[0] = v
		return count(ok), ok
	})
}

func count(ok bool) int {
	if ok {
		return 1
	}
	return 0
}

// check waits for the receivers, and checks that they have received exactly the accepted
// values.
func (c *crowd) check(t *testing.T) {
	t.Helper()
	c.receiving.Wait()
	for i := range c.accepted {
		if got, want := c.received[i].Load(), c.accepted[i].Load(); got != want {
			t.Errorf("received %d values of sender %d, which sent %d", got, i, want)
		}
	}
	if got := c.Len(); got != 0 {
		t.Errorf("Len = %d after all was received", got)
	}
}

// Each value is received exactly once, with every kind of sender and receiver.
func TestConservation(t *testing.T) {
	for _, capacity := range []int{1, 2, 64, 1024} {
		c := &crowd{Queue: mustNew[int64](t, capacity)}
		c.receiveInEveryWay(t)
		for i := range 4 {
			way := ways()[i%len(ways())]
			c.send(t, i, rounds(100_000)/4, way.send)
		}
		c.sending.Wait()
		c.Close()
		c.check(t)
	}
}

// If Close and the first Handle come at any moment, exactly the values whose send succeeded
// are received.
func TestCloseAndHandleAtAnyMoment(t *testing.T) {
	hammer.For(time.Second, 2, func() {
		q, err := queue.New[int64](1 << rand.N(8))
		if err != nil {
			t.Error(err)
			return
		}
		c := &crowd{Queue: q}
		if rand.N(2) == 0 {
			c.receiveInEveryWay(t)
		} else { // with a small queue the buffer of C is often full
			channel := c.C()
			c.receive(t, func(dst []int64) (n int, more bool) {
				v, ok := <-channel
				dst[0] = v
				return count(ok), ok
			})
		}
		for i := range 3 {
			c.send(t, i, 1<<30, (*queue.Queue[int64]).Send)
		}
		hammer.Delay(200)
		if shared() {
			if q.Handle() == nil {
				t.Error("Handle = nil")
			}
			c.send(t, 3, 1<<30, sendAsC[int64])
			hammer.Delay(200)
		}
		q.Close()
		c.sending.Wait()
		c.check(t)
	})
}

// Handle moves values without losing any or changing their order.
func TestHandleMovesValues(t *testing.T) {
	if !rawefd.HasDoorbell {
		return
	}
	for length := range 9 {
		for _, taken := range []int{0, 3} {
			for _, useC := range []bool{false, true} {
				q, err := queue.New[int64](8)
				if err != nil {
					t.Fatal(err)
				}
				for range taken { // so that the values do not begin at the first place of the ring
					mustSend(t, q, -1)
					wantReceive(t, q, -1)
				}
				if useC {
					q.C()
				}
				for i := range int64(length) {
					mustSend(t, q, i)
				}
				mustHandle(t, q)
				if got := q.Len(); got != length {
					t.Errorf("Len = %d after Handle, want %d", got, length)
				}
				for i := length; i < 8; i++ {
					if err := sendAsC(q, int64(i)); err != nil {
						t.Errorf("value %d after Handle with %d: %v", i, length, err)
					}
				}
				wantIs(t, "Send", q.Send(8), queue.ErrFull)
				if got := q.Refused(); got != 1 {
					t.Errorf("Refused = %d, want 1", got)
				}
				q.Close()
				next := int64(0)
				for got := range q.C() {
					if got != next {
						t.Errorf("C gave %d after Handle with %d, want %d", got, length, next)
					}
					next++
				}
				if next != 8 {
					t.Errorf("received %d values, want 8", next)
				}
			}
		}
	}
}

// A goroutine that is already waiting at the first Handle is woken by a value from C.
func TestHandleTakesWaitersAlong(t *testing.T) {
	if !rawefd.HasDoorbell {
		return
	}
	for _, useC := range []bool{false, true} {
		q, err := queue.New[int64](8)
		if err != nil {
			t.Fatal(err)
		}
		if useC {
			c := q.C()
			mustHandle(t, q)
			go sendAsC(q, 7)
			if got := <-c; got != 7 {
				t.Errorf("C gave %d, want 7", got)
			}
		} else {
			arrivals := startWaiters(q, background)
			mustHandle(t, q)
			go sendAsC(q, 7)
			wantArrival(t, <-arrivals, 7)
		}
		q.Close()
	}
}
