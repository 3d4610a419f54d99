package queue

import (
	"math"
	"unsafe"

	"github.com/eventchan/eventchan/internal/doorbell"
	"github.com/eventchan/eventchan/internal/word"
)

// Handle returns the address through which C threads of this process send: they call
// eventchan_send(handle, &value, sizeof value) of the header
// bridge/callback/eventchan.h, also in signal handlers and real-time threads. A value
// costs two atomic operations and a copy, and a system call only if the consumer is
// asleep. Handle returns the same address each time.
//
// The first Handle moves the values to memory outside Go's heap, with nothing lost,
// whatever runs at the same time. It touches all of that memory, so that no thread
// has to wait for a page later.
//
// Handle returns nil in the four cases of [notify.Notifier.Handle]: after Close, if the
// process is out of descriptors or memory, on systems other than Unix, and where Go's
// 64-bit atomic operations are not atomic for C.
//
// The address stays valid for as long as the process lives: after Close, a C thread
// that is late is refused. A Queue that has a handle must be closed to be freed. Of a
// closed one, 64 bytes and a page of memory stay, once its values have been received:
// 15 MB an hour if one is made and closed each second.
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

// share moves the values to cells.
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
	q.serve() // has the next value wake those that are waiting
	return c, nil
}

// A server is a Queue as the doorbell knows it.
type server[T any] Queue[T]

// Look is called after a sender has found that the consumer sleeps.
func (s *server[T]) Look() {
	q := (*Queue[T])(s)
	q.mu.Lock()
	defer q.mu.Unlock()
	c := q.cells.Load()
	if c == nil {
		return // the Slot is on its way
	}
	for w := &c.bell.Slot().Word; !q.closed; {
		w.TakeUpTo(math.MaxUint64) // signals, which say no more than that there are values
		q.serve()
		if w.Sleep(1, word.Ring) {
			return
		}
	}
}
