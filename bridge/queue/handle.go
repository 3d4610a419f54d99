package queue

import (
	"math"
	"unsafe"

	"github.com/eventchan/eventchan/internal/doorbell"
	"github.com/eventchan/eventchan/internal/word"
)

// Handle returns an address with which C threads of this process send values: they call
// eventchan_send(handle, &value, sizeof value) of the header bridge/callback/eventchan.h.
// Signal handlers and real-time threads can do that too. Every call returns the same
// address.
//
// Handle returns nil
//   - after Close;
//   - if no descriptor or not enough memory is available;
//   - on systems other than Unix;
//   - on mips, mipsle, and arm before v7, where Go's 64-bit atomic operations are not atomic
//     for C.
//
// The first call moves the values to memory outside Go's heap. No value is lost, even if
// other calls run concurrently. It touches all of that memory, so that no thread has to wait
// for a page fault later.
//
// The address stays valid for the life of the process; values sent after Close are refused.
// A Queue with a handle is not garbage collected until it is closed. When a closed one has
// no values left, its memory is released except for 64 bytes and one page. If a program
// creates and closes one per second, these add up to about 15 MB per hour. The addresses of the
// released memory stay in use until the process ends, and count toward RLIMIT_AS.
//
// A send from C costs two atomic operations and a copy, plus a system call if the receiving
// side is asleep.
func (q *Queue[T]) Handle() unsafe.Pointer {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil
	}
	c := q.cells.Load()
	if c == nil {
		var err error
		if c, err = q.share(); err != nil {
			return nil
		}
	}
	return c.bell.Slot().Address()
}

// share gives the Queue a handle and moves the values from the ring to cells.
func (q *Queue[T]) share() (*cells[T], error) {
	bell, err := doorbell.New((*server[T])(q))
	if err != nil {
		return nil, err
	}
	c, err := newCells(q.places, &q.ring, q.held())
	if err != nil {
		bell.Close()
		return nil, err
	}
	c.bell = bell
	c.refused.Store(q.refused)
	q.ring = ring[T]{}
	bell.Slot().Word.Store(0, word.Ring)
	bell.Slot().BecomeQueue(c.description())
	q.cells.Store(c)
	bell.Await()
	q.serve() // so that the next value wakes the waiters
	return c, nil
}

// A server is a Queue as the doorbell sees it: a doorbell.Consumer.
type server[T any] Queue[T]

// Look is called after a sender has found the consumer asleep.
func (s *server[T]) Look() {
	q := (*Queue[T])(s)
	q.mu.Lock()
	defer q.mu.Unlock()
	c := q.cells.Load()
	if c == nil {
		return // share has failed and has closed the bell
	}
	for w := &c.bell.Slot().Word; !q.closed; {
		w.TakeUpTo(math.MaxUint64) // the number of signals does not matter, only that there are values
		q.serve()
		if w.Sleep(1, word.Ring) {
			return
		}
	}
}
