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
// for a page fault later. Only other Handle calls wait for that.
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
	if q.cells.Load() == nil {
		q.share()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	c := q.cells.Load()
	if c == nil || q.closed {
		return nil
	}
	return c.bell.Slot().Address()
}

// share gives a private Queue a handle, if it can. Only one call at a time makes the memory, which can be
// large: together, several could use up what the process may have. Until it is made, other calls use the ring.
func (q *Queue[T]) share() {
	q.making.Lock()
	defer q.making.Unlock()
	if !q.isPrivate() {
		return
	}
	if c, err := newCells[T](q.places); err == nil && !q.move(c) {
		c.discard()
	}
}

// isPrivate reports whether the Queue can get a handle and has none.
func (q *Queue[T]) isPrivate() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return !q.closed && q.cells.Load() == nil
}

// move moves the values from the ring to c and gives the Queue a handle. It reports whether it did. The caller
// has seen that the Queue is private and holds making, so only Close can have come since.
func (q *Queue[T]) move(c *cells[T]) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	bell, err := doorbell.New((*server[T])(q)) // last, because its slot is never freed
	if err != nil {
		return false
	}
	c.bell = bell
	c.fill(&q.ring, q.held())
	c.refused.Store(q.refused)
	q.ring = ring[T]{}
	bell.Slot().Word.Store(0, word.Ring)
	bell.Slot().BecomeQueue(c.description())
	q.cells.Store(c)
	bell.Await()
	q.serve() // so that the next value wakes the waiters
	return true
}

// A server is a Queue as the doorbell sees it: a doorbell.Consumer.
type server[T any] Queue[T]

// Look is called after a sender has found the consumer asleep.
func (s *server[T]) Look() {
	q := (*Queue[T])(s)
	q.mu.Lock()
	defer q.mu.Unlock()
	c := q.cells.Load()
	w := &c.bell.Slot().Word
	for turn := 0; !q.closed; turn++ {
		w.TakeUpTo(math.MaxUint64) // the number of signals does not matter, only that there are values
		q.serveFrom(turn)
		if w.Sleep(1, word.Ring) {
			return
		}
	}
}
