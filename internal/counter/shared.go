package counter

import (
	"github.com/eventchan/eventchan/internal/doorbell"
	"github.com/eventchan/eventchan/internal/word"
)

// Handle moves the count to a word that C threads can add to, unless it is there
// already, and returns that word's Slot. If awaited, there are waiters. On error nothing
// has changed. The caller holds the lock.
func (c *Counter) Handle(awaited bool) (*doorbell.Slot, error) {
	if b := c.bell.Load(); b != nil {
		return b.Slot(), nil
	}
	b, err := doorbell.New((*consumer)(c))
	if err != nil {
		return nil, err
	}
	// The flags move too: goroutines that sleep are to be woken through the new word.
	// An operation that finds the old word closed goes to the lock, and then to the
	// new one.
	b.Slot().Word.Store(c.own.Swap(word.Closed | word.Held))
	c.word.Store(&b.Slot().Word)
	c.bell.Store(b)
	exported := c.fd.Load() != nil
	if awaited || exported {
		b.Await()
	}
	if exported {
		c.publish()
	}
	return b.Slot(), nil
}

// A consumer is a Counter as the doorbell knows it.
type consumer Counter

func (c *consumer) Look() { (*Counter)(c).Serve() }

// took has the doorbell know how busy the handle is. The caller holds the lock.
func (c *Counter) took(n uint64) {
	if b := c.bell.Load(); b != nil {
		b.Took(n)
	}
}

// Again has a goroutine that is about to sleep try again for as long as that has
// been worth it, because C threads may be adding, and reports whether try
// succeeded. The caller does not hold the lock.
func (c *Counter) Again(try func() bool) bool {
	b := c.bell.Load()
	return b != nil && b.Again(try)
}

// Learn is called with the number of signals that a goroutine has found, when it
// looked or when it was woken.
func (c *Counter) Learn(signals uint64) {
	if b := c.bell.Load(); b != nil {
		b.Learn(signals)
	}
}
