package counter

import (
	"math"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/word"
)

// The count is in the word; the part for which the word has no room is in rest. While rest
// is not 0, the word is held. The caller of the methods below holds the lock.

// put fills the private word.
func (c *Counter) put(count uint64) {
	c.own.Store(0, word.Held)
	c.rest = count
	c.spread()
	c.Wake()
}

// AddUpTo adds n, or returns rawefd.ErrFull if the count would exceed most. There must
// not be an eventfd.
func (c *Counter) AddUpTo(n, most uint64) error {
	if c.rest == 0 {
		if c.Word().AddHeldUpTo(n, min(most, word.Full)) {
			return nil
		}
		if most <= word.Full {
			return rawefd.ErrFull
		}
	}
	c.gather()
	defer c.spread()
	if c.rest > most || n > most-c.rest {
		return rawefd.ErrFull
	}
	c.rest += n
	return nil
}

func (c *Counter) takeFromWord(n uint64) bool {
	if c.rest == 0 {
		return c.Word().TakeHeld(n)
	}
	c.gather()
	defer c.spread()
	if c.rest < n {
		return false
	}
	c.rest -= n
	return true
}

// held returns word.Held if operations without the lock must fail, and otherwise 0.
func (c *Counter) held(held bool) uint64 {
	if held || c.rest > 0 {
		return word.Held
	}
	return 0
}

// gather moves the count from the word to rest.
func (c *Counter) gather() {
	c.Word().Set(word.Held)
	c.rest += c.Word().TakeUpTo(math.MaxUint64 - c.rest)
}

// spread moves rest back to the word if there is room for all of it.
func (c *Counter) spread() {
	if c.Word().AddHeld(c.rest) {
		c.rest = 0
	}
}
