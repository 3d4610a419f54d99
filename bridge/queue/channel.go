package queue

import (
	"runtime"
	"unsafe"

	"github.com/eventchan/eventchan/internal/race"
)

// The buffer of C has room for at most mostAhead values and mostBytesAhead bytes.
const (
	mostAhead      = 64
	mostBytesAhead = 64 << 10
)

// C returns a channel of the values for use in a select statement. Every call returns the
// same channel. After the first call, each value is moved to the channel's buffer as it
// arrives, unless a goroutine is blocked in Receive or ReceiveBatch, which is served first.
//
// A value in the buffer can be received only from the channel. [Queue.Receive], [Queue.ReceiveBatch]
// and [Queue.TryReceive] get values that come after it, and TryReceive returns false if there are no
// others, although Len is not 0. To receive all values in order, also after Close, use only C.
//
// A value in the buffer takes up room in the Queue until it is received, so a slow receiver
// loses nothing, and a full Queue refuses. Once it is received, there is room for another
// Send immediately. A C thread can use that room only when the next value has been moved
// into the buffer. The buffer holds at most 64 values: if a C library sends only while fewer
// than n values are unreceived, make room for n + 65, because one more waits to enter it.
//
// The channel is closed once Close has been called and all values have been received from
// it. While there are more values than fit in the buffer, or values come as fast as they are
// received, C uses one goroutine. If a receiver stops receiving before the channel is empty,
// that goroutine stays blocked, even after Close.
func (q *Queue[T]) C() <-chan T {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.c == nil {
		q.c, q.ask = make(chan T, q.ahead()), make(chan struct{})
		q.serve()
	}
	return q.c
}

// ahead returns the size of C's buffer, which is less than the Queue's. When senders are
// refused, some values are therefore not in the buffer, and so the goroutine of C exists,
// which notices when others are received.
func (q *Queue[T]) ahead() int {
	var v T
	return int(min(mostAhead, q.places/2, mostBytesAhead/uint64(unsafe.Sizeof(v))))
}

// fill moves values to C's buffer, starts the goroutine of C for the rest, and closes the
// channel if nothing is left after Close. If late, the goroutine of C does what is left to do even if
// that is nothing now. The caller holds the lock, and pumping is false.
func (q *Queue[T]) fill(late bool) {
	q.pour()
	switch {
	case q.ready() || late && !q.closed:
		q.pumping = true
		go q.pump()
	case q.closed && !q.done:
		q.done = true
		close(q.c)
	}
}

// pour moves values to C's buffer while there is room in it, and no goroutine is waiting. It does not
// move more than the Queue holds, although C threads can send as fast as receivers of C receive.
func (q *Queue[T]) pour() {
	c, moved := q.cells.Load(), uint64(0)
	for q.waiters.Len() == 0 && moved < q.places && q.ready() {
		if c != nil {
			c.free(q.held()) // before each value, because receivers can be as fast as this loop
		}
		if !q.offer() {
			break
		}
		q.drop()
		moved++
	}
	if c != nil {
		c.free(q.held())
		c.bell.Learn(moved)
	}
	q.finish()
}

// offer sends the next value to C's buffer if there is room, and reports whether there was.
func (q *Queue[T]) offer() bool {
	race.Acquire() // drop also does this, but after the receiver of C has the value
	select {
	case q.c <- *q.front():
		return true
	default:
		return false
	}
}

// pump is the goroutine of C. It sends the values to C that did not fit in the buffer, and
// those that arrive in the meantime. It ends when no value is left over.
func (q *Queue[T]) pump() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.ready() || q.linger() {
		if q.serve(); q.waiters.Len() > 0 || !q.ready() {
			continue // waiters come first
		}
		v := *q.front()
		q.drop()
		q.inHand = 1
		q.mu.Unlock()
		q.deliver(v)
		runtime.Gosched() // so that the receiver that made room takes the rest of the buffer
		q.mu.Lock()
		q.inHand = 0
		q.gather(cap(q.c) - len(q.c))
		q.pour()
	}
	q.pumping = false
	q.serve()
}

// deliver sends v to C. While it waits for room, it answers settle.
func (q *Queue[T]) deliver(v T) {
	for {
		select {
		case q.c <- v:
			return
		case <-q.ask:
		}
	}
}

// settle makes held exact, so that a send after a receive from C finds room. Receiving from
// a full C wakes the goroutine in deliver, which might not run for a while; until it does,
// inHand is 1, and q.c does not show that it should be 0. But only while that goroutine is
// asleep in deliver can settle send to ask; then C is full, and the value in hand is not in
// it. Otherwise the goroutine is running or about to run, and settle yields to it. It can then
// have another value in hand, which settle must ask for as well; but only if others have
// received one in between. The caller holds the lock, which settle releases in between.
func (q *Queue[T]) settle() {
	for q.inHand == 1 {
		select {
		case q.ask <- struct{}{}:
			return
		default:
		}
		q.mu.Unlock()
		runtime.Gosched()
		q.mu.Lock()
	}
}
