package queue

import "github.com/eventchan/eventchan/internal/race"

// published reports whether there is a value at position p, which must be next or an
// earlier value of next. It can be called without the lock.
func (c *cells[T]) published(p uint64) bool { return c.state(p).Load() == p+1 }

// ready reports whether there is a value to take. It skips positions that close has
// disowned.
func (c *cells[T]) ready() bool {
	for c.next < c.end {
		if state := c.state(c.next).Load(); state == c.next+1 {
			return true
		} else if state&disowned == 0 {
			return false
		}
		c.next++
		c.missing--
	}
	return false
}

// front returns the value to take. The caller must have called ready.
func (c *cells[T]) front() *T { return c.value(c.next) }

// take moves values to dst and returns their number. See free for held.
func (c *cells[T]) take(dst []T, held int) (n int) {
	for n < len(dst) && c.ready() {
		dst[n] = *c.front()
		c.drop()
		if n++; n%often == 0 {
			c.free(held)
		}
	}
	if n > 0 {
		c.free(held)
		c.bell.Learn(uint64(n))
	}
	return n
}

// often is the number of values after which take shows the free cells to senders.
const often = 64

// drop removes the value at front.
func (c *cells[T]) drop() {
	race.Acquire()
	c.next++
}

// free lets senders use the cells of all values that were taken, except for held cells, whose
// values were taken for C and are not received yet.
func (c *cells[T]) free(held int) { c.head.Store(c.next - uint64(held)) }

// park makes the next publication wake the consumer. If there is a value already, it does
// nothing and returns false.
func (c *cells[T]) park() bool {
	for state := c.state(c.next); ; {
		old := state.Load()
		if old == c.next+1 {
			return false
		}
		if old&sleep != 0 || state.CompareAndSwap(old, old|sleep) {
			return true
		}
	}
}

// close refuses all values that are not published yet. Published values can still be taken.
//
// A sender publishes its cell, or finds it disowned, by one atomic operation on the state of
// the cell. close disowns the cell, or finds it published, by one atomic operation too. So
// each value is either taken, and its sender returns 0, or refused.
func (c *cells[T]) close() {
	c.end = c.tail.Or(closed)
	for p := c.next; p < c.end; p++ {
		state := c.state(p)
		for old := state.Load(); old != p+1; old = state.Load() {
			if state.CompareAndSwap(old, old|disowned) {
				c.missing++
				break
			}
		}
	}
}

// used returns the number of values in cells, including those that are being written.
func (c *cells[T]) used() uint64 { return min(c.tail.Load()&^closed, c.end) - c.next - c.missing }
