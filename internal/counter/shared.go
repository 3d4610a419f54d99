package counter

import (
	"github.com/eventchan/eventchan/internal/doorbell"
	"github.com/eventchan/eventchan/internal/word"
)

// Handle moves the count to a word to which C threads can add, unless it is there
// already, and returns that word's Slot. awaited says whether a goroutine is waiting. On error
// nothing has changed. The caller holds the lock.
func (c *Counter) Handle(awaited bool) (*doorbell.Slot, error) {
	if b := c.bell.Load(); b != nil {
		return b.Slot(), nil
	}
	b, err := doorbell.New((*consumer)(c))
	if err != nil {
		return nil, err
	}
	// The flags move too, because adds to the new word must wake the waiters.
	// An operation that finds the old word closed takes the lock and then finds the
	// new word.
	n, flags := c.own.Retire()
	if awaited && flags&word.Held != 0 {
		flags |= word.Ring // Sleep has left it unset if Rung was set
	}
	b.Slot().Word.Store(n, flags)
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

// A consumer is a Counter as a Consumer of the doorbell.
type consumer Counter

func (c *consumer) Look() { (*Counter)(c).Serve() }

// took reports to the doorbell how busy the handle is. The caller holds the lock.
func (c *Counter) took(n uint64) {
	if b := c.bell.Load(); b != nil {
		b.Took(n)
	}
}

// Again makes a goroutine that is about to sleep try again for as long as that is
// worthwhile (see doorbell.Patience), because C threads might be adding, and reports whether try
// succeeded. The caller must not hold the lock.
func (c *Counter) Again(try func() bool) bool {
	b := c.bell.Load()
	return b != nil && b.Again(try)
}

// Learn is called with the number of signals that a goroutine has found together, when it
// polled or when it was woken.
func (c *Counter) Learn(signals uint64) {
	if b := c.bell.Load(); b != nil {
		b.Learn(signals)
	}
}
