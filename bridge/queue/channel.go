package queue

import (
	"runtime"
	"unsafe"

	"github.com/eventchan/eventchan/internal/race"
)

// mostAhead bounds how many values, and how many bytes of them, C's buffer has room for.
const (
	mostAhead      = 64
	mostBytesAhead = 64 << 10
)

// C returns a channel of the values for use in select; it is the same one each time.
// Once C has been called, values move into its buffer as they come, except those that
// a goroutine in Receive or ReceiveBatch is waiting for. A value in the buffer keeps
// its place in the Queue until it is received, so that a slow receiver loses nothing
// and a full Queue refuses. After the receive the place is free for Send immediately.
// C threads are shown what was received from the buffer the next time that a value
// moves into it: right after an idle period, a burst from C finds as many places fewer
// as there were values in the buffer, until a goroutine has run. The buffer has room
// for 64 values at most, so a program in which C sends only while fewer than n values
// are in flight needs a Queue with room for n plus 64.
//
// The channel is closed after Close, once all values have been received from it. While
// more values are left than the buffer has room for, C has a goroutine of its own;
// a receiver that gives up without receiving them leaves it waiting, also after Close.
func (q *Queue[T]) C() <-chan T {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.c == nil {
		q.c, q.ask = make(chan T, q.ahead()), make(chan struct{})
		q.serve()
	}
	return q.c
}

// ahead returns how many values C's buffer has room for: less than there are places.
// When senders are refused, some values are therefore not in the buffer, and there is
// a goroutine to see that others were received.
func (q *Queue[T]) ahead() int {
	var v T
	return int(min(mostAhead, q.places/2, mostBytesAhead/uint64(unsafe.Sizeof(v))))
}

// fill moves values to C's buffer, and leaves the rest to a goroutine. The caller holds
// the lock, and no goroutine pumps.
func (q *Queue[T]) fill() {
	q.pour()
	switch {
	case q.ready():
		q.pumping = true
		go q.pump()
	case q.closed && !q.done:
		q.done = true
		close(q.c)
	}
}

// pour moves values to C's buffer for as long as there is room. What has come since
// serve last looked belongs to the waiters that it left.
func (q *Queue[T]) pour() {
	moved := uint64(0)
	for q.waiters.Len() == 0 && q.ready() && q.offer() {
		q.drop()
		moved++
	}
	if c := q.cells.Load(); c != nil {
		c.free(q.held())
		c.bell.Learn(moved)
	}
	q.finish()
}

// offer sends the next value to C's buffer if there is room.
func (q *Queue[T]) offer() bool {
	race.Acquire() // before C's receiver has the value; drop comes after
	select {
	case q.c <- *q.front():
		return true
	default:
		return false
	}
}

// pump sends to C what its buffer had no room for, and what comes until all is there.
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
		runtime.Gosched() // the receiver that made room goes on to take the rest
		q.mu.Lock()
		q.inHand = 0
		q.delivered++
		q.gather(cap(q.c) - len(q.c))
		q.pour()
	}
	q.pumping = false
	q.serve()
}

// deliver sends v to C, and meets whatever asks while it waits for room.
func (q *Queue[T]) deliver(v T) {
	for {
		select {
		case q.c <- v:
			return
		case <-q.ask:
		}
	}
}

// settle makes held exact, so that a send finds a place free that was received from C
// before. A receive from C wakes the goroutine in deliver, which may take a while to
// run. Until then inHand is 1, and nothing else in q.c shows that it should be 0. But
// only a goroutine that is still asleep there meets what asks; any other is running,
// or is about to, and settle lets it. The caller holds the lock, which settle gives up.
func (q *Queue[T]) settle() {
	for before := q.delivered; q.inHand == 1 && q.delivered == before; {
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
