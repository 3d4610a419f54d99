package queue

import (
	"fmt"
	"os"
	"runtime"

	"github.com/eventchan/eventchan/internal/word"
)

// Close refuses what is sent from now on. It never blocks.
//
// What was sent before can still be received: by goroutines that wait, through C,
// which is then closed, and by later calls. After that they return an error matching
// [os.ErrClosed]. A C thread that is in the middle of a send learns whether Close came
// first. A second Close returns an error matching [os.ErrClosed].
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

// drained reports whether nothing is left, and nothing will come. The caller holds
// the lock, here and below.
func (q *Queue[T]) drained() bool { return q.closed && !q.ready() }

// finish gives memory back once nothing is left.
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
