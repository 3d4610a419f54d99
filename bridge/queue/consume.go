package queue

import "github.com/eventchan/eventchan/internal/race"

// published reports whether there is a value at position p, which is next or was. It
// can be called without the lock.
func (c *cells[T]) published(p uint64) bool { return c.state(p).Load() == p+1 }

// ready reports whether there is a value to take. After close it skips positions
// without one.
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

// front returns the value to take, after ready.
func (c *cells[T]) front() *T { return c.value(c.next) }

// take moves values to dst, and returns how many. See free for held.
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

// often is after how many values the senders hear of free places.
const often = 64

// drop goes on to the next value.
func (c *cells[T]) drop() {
	race.Acquire()
	c.next++
}

// free lets senders have all places but those of held values that were taken.
func (c *cells[T]) free(held int) { c.head.Store(c.next - uint64(held)) }

// park has the next publication wake the consumer, unless there is a value already:
// then it returns false.
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

// close refuses all that is not published yet. What was, can still be taken.
//
// A sender that has claimed its position publishes it or finds it disowned, by one
// operation on the state of the cell; so does close. Each value is therefore either
// taken, and its sender returns 0, or refused.
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

// used returns how many places are taken, of values that are being written too.
func (c *cells[T]) used() uint64 { return min(c.tail.Load()&^closed, c.end) - c.next - c.missing }
