package queue

import (
	"fmt"
	"os"
	"runtime"

	"github.com/eventchan/eventchan/internal/word"
)

// Close closes the Queue: values sent from now on are refused. It never blocks.
//
// Values that were sent earlier can still be received, by waiting goroutines, by later calls
// and through C, which is closed when nothing is left. Then Receive and ReceiveBatch return
// an error matching [os.ErrClosed]. If Close runs while a C thread is sending, the result of
// that send says whether its value can be received. A second Close returns an error matching
// [os.ErrClosed].
func (q *Queue[T]) Close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return fmt.Errorf("queue: Close: %w", os.ErrClosed)
	}
	q.closed = true
	c := q.cells.Load()
	if c != nil {
		c.close()
		c.bell.Slot().Word.Swap(word.Closed)
		c.bell.Close()
	}
	q.serve()
	for p := q.waiters.Pop(); p != nil; p = q.waiters.Pop() {
		p.Value.got <- 0 // which means os.ErrClosed
	}
	if c != nil && !q.drained() {
		q.forgotten = runtime.AddCleanup(q, region.vacate, c.region())
	}
	q.finish()
	return nil
}

// drained reports whether the Queue is closed and empty. The caller holds the lock, here and
// below.
func (q *Queue[T]) drained() bool { return q.closed && !q.ready() }

// finish releases the memory of the values once the Queue is drained.
func (q *Queue[T]) finish() {
	if !q.drained() {
		return
	}
	q.ring.values = nil
	if c := q.cells.Load(); c != nil && !c.vacated {
		c.vacated = true
		q.forgotten.Stop()
		c.region().vacate()
	}
}
