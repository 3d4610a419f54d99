package queue

import "github.com/eventchan/eventchan/internal/race"

// send is eventchan_send of bridge/callback/eventchan.h, but for two things: it does
// not count what it refuses, and does not ring if it finds the consumer asleep.
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

// An outcome is what became of a value.
type outcome int

const (
	sent    outcome = iota
	awaited         // sent, and the sender has to serve whoever sleeps
	full
	late
)

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
