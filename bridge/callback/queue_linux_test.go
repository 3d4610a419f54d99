//go:build cgo && !mips && !mipsle && (!arm || arm.7)

package callback_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/eventchan/eventchan/bridge/queue"
	"github.com/eventchan/eventchan/internal/testing/chandle"
	"github.com/eventchan/eventchan/internal/testing/hammer"
)

// These tests check what goroutines receive when C threads send to a queue.

const (
	senders  = 8
	goSender = 7
)

// An exchange is a queue with receivers and senders, and counts what both have done.
type exchange struct {
	*queue.Queue[chandle.Value]
	receiving, sending sync.WaitGroup
	threads            []*chandle.Sender
	received, sum      [senders]atomic.Uint64
	accepted           [senders]uint64
}

func newExchange(t *testing.T, capacity, times, late int) *exchange {
	x := &exchange{Queue: must(queue.New[chandle.Value](capacity))}
	handle := mustHandle(x)
	x.receiveInEveryWay(t)
	for i, start := range []func(unsafe.Pointer, uint64, int, int) (*chandle.Sender, error){
		chandle.Send, chandle.SendInterrupted, nil, chandle.Reserve, chandle.ReserveInterrupted,
	} {
		if start != nil { // sender 2 is the signal handler of sender 1
			x.threads = append(x.threads, must(start(handle, uint64(i), times, late)))
		}
	}
	x.sending.Go(func() {
		for x.accepted[goSender] < uint64(times) {
			switch err := x.Send(chandle.Value{Sender: goSender, Number: x.accepted[goSender] + 1}); {
			case err == nil:
				x.accepted[goSender]++
			case errors.Is(err, os.ErrClosed):
				return
			case err != queue.ErrFull:
				t.Errorf("Send = %v", err)
				return
			default:
				hammer.Pause()
			}
		}
	})
	return x
}

// receive starts a receiver that calls some until it returns false.
func (x *exchange) receive(t *testing.T, some func(dst []chandle.Value) (n int, more bool)) {
	x.receiving.Go(func() {
		var last [senders]uint64
		dst := make([]chandle.Value, 16)
		for more := true; more; {
			var n int
			n, more = some(dst)
			for _, v := range dst[:n] {
				if v.Sender >= senders || v.Number <= last[v.Sender] {
					t.Errorf("received %+v after %d", v, last)
					continue
				}
				last[v.Sender] = v.Number
				x.received[v.Sender].Add(1)
				x.sum[v.Sender].Add(v.Number)
			}
		}
	})
}

// receiveInEveryWay starts receivers that compete for the values, one for each method.
func (x *exchange) receiveInEveryWay(t *testing.T) {
	x.receive(t, func(dst []chandle.Value) (n int, more bool) {
		v, err := x.Receive(context.Background())
		if err != nil {
			return 0, false
		}
		dst[0] = v
		return 1, true
	})
	x.receive(t, func(dst []chandle.Value) (n int, more bool) {
		n, err := x.ReceiveBatch(context.Background(), dst)
		return n, err == nil
	})
	x.receive(t, func(dst []chandle.Value) (n int, more bool) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.N(100))*time.Microsecond)
		defer cancel()
		n, err := x.ReceiveBatch(ctx, dst)
		return n, !errors.Is(err, os.ErrClosed)
	})
	x.receive(t, func(dst []chandle.Value) (n int, more bool) {
		v, ok := x.TryReceive()
		if !ok {
			hammer.Pause()
			return 0, x.String() != "Queue(closed)"
		}
		dst[0] = v
		return 1, true
	})
	c := x.C()
	x.receive(t, func(dst []chandle.Value) (n int, more bool) {
		v, ok := <-c
		if !ok {
			return 0, false
		}
		dst[0] = v
		return 1, true
	})
}

// join waits for the senders.
func (x *exchange) join(t *testing.T) {
	for i, at := range []int{0, 1, 3, 4} { // see newExchange
		sent, inside, err := x.threads[i].Join()
		if err != nil {
			t.Error(err)
		}
		x.accepted[at] = sent
		if inside > 0 {
			x.accepted[at+1] = inside
		}
	}
	x.sending.Wait()
}

// check waits for the receivers, and checks that each successfully sent value was received
// once, and no other value.
func (x *exchange) check(t *testing.T) {
	t.Helper()
	x.receiving.Wait()
	for i, accepted := range x.accepted {
		if got, sum := x.received[i].Load(), x.sum[i].Load(); got != accepted || sum != accepted*(accepted+1)/2 {
			t.Errorf("received %d values with the sum %d of sender %d, of which %d were accepted", got, sum, i, accepted)
		}
	}
	if got := x.Len(); got != 0 {
		t.Errorf("Len = %d after all was received", got)
	}
}

// Each value is received exactly once and in the order of its sender, with every kind of
// sender and receiver.
func TestThreadsSendToQueue(t *testing.T) {
	times := map[int]int{1: 40, 16: 200, 1024: 10_000} // on one processor, a full queue costs each value a turn of all threads
	if hammer.InCI() {
		times = map[int]int{1: 4000, 16: 10_000, 1024: 200_000}
	}
	for capacity, times := range times {
		x := newExchange(t, capacity, times, forever)
		x.join(t)
		for i, accepted := range x.accepted {
			if i < 5 && i != 2 && accepted != uint64(times) {
				t.Errorf("sender %d has sent %d, want %d", i, accepted, times)
			}
		}
		if err := x.Close(); err != nil {
			t.Error(err)
		}
		x.check(t)
	}
}

// If Close comes at any moment, exactly the values whose send returned 0 are received.
func TestCloseDecidesWhatIsReceived(t *testing.T) {
	hammer.For(2*time.Second, 1, func() {
		x := newExchange(t, 1<<rand.N(8), forever, 2)
		hammer.Delay(200)
		if err := x.Close(); err != nil {
			t.Error(err)
		}
		x.join(t)
		x.check(t)
	})
}

// A single value wakes the receiver, whether it waits in Receive or for C.
func TestThreadWakesReceiverOfQueue(t *testing.T) {
	q := must(queue.New[chandle.Value](4))
	defer q.Close()
	handle := mustHandle(q)
	for i := range uint64(200) {
		thread := must(chandle.Send(handle, i, 1, forever))
		got, ok := chandle.Value{}, true
		if i < 100 {
			got, _ = q.Receive(context.Background())
		} else {
			got, ok = <-q.C()
		}
		if want := (chandle.Value{Sender: i, Number: 1}); got != want || !ok {
			t.Errorf("received %+v, want %+v", got, want)
		}
		if _, _, err := thread.Join(); err != nil {
			t.Error(err)
		}
	}
}

// A thread that sends only while fewer than n values are unreceived is never refused by a queue with room
// for n + 65, even if the receivers of C are as fast as its goroutine.
func TestThreadThatCountsFindsRoom(t *testing.T) {
	times := 50_000
	if hammer.InCI() {
		times = 200_000
	}
	for _, n := range []int{63, 191} {
		q := must(queue.New[chandle.Value](n + 65))
		handle, c := mustHandle(q), q.C()
		thread := must(chandle.SendWithin(handle, n, times))
		var receivers sync.WaitGroup
		for range 3 {
			receivers.Go(func() {
				for range c {
					thread.Received()
				}
			})
		}
		if _, _, err := thread.Join(); err != nil {
			t.Error(err)
		}
		q.Close()
		receivers.Wait()
	}
}
