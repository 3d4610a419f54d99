package queue

import "github.com/eventchan/eventchan/internal/race"

// send is eventchan_send of bridge/callback/eventchan.h with two differences: it does not
// count refused values, and if it finds the consumer asleep, it returns awaited instead of
// ringing.
func (c *cells[T]) send(v *T) outcome {
	p := c.tail.Load()
	for {
		if p&closed != 0 {
			return late
		}
		if p-c.head.Load() > c.mask {
			now := c.tail.Load()
			if now == p {
				return full
			}
			p = now
			continue
		}
		if c.tail.CompareAndSwap(p, p+1) {
			*c.value(p) = *v
			race.Release()
			return c.publish(p)
		}
		p = c.tail.Load()
	}
}

// An outcome is the result of a send.
type outcome int

const (
	sent    outcome = iota
	awaited         // sent, and the sender must call serve, because the consumer is asleep
	full            // refused, because there is no room
	late            // refused, because Close came first
)

// publish publishes the cell of a position that the caller has claimed and written.
func (c *cells[T]) publish(p uint64) outcome {
	last := p - c.mask
	for state := c.state(p); ; {
		switch old := state.Load(); {
		case old&^sleep != last:
			return late // disowned
		case !state.CompareAndSwap(old, p+1):
		case old != last:
			return awaited
		default:
			return sent
		}
	}
}
