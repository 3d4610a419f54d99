package doorbell

import "slices"

// A Slot is hot while the goroutine of the doorbell looks at it without being rung:
// the goroutine itself has turned Ring into Rung, as a signaler does, but without
// a push, and keeps Rung until it lets the Slot go. So a stream of signals to one
// handle costs each signaler one atomic addition.
//
// No wake-up is lost: while Rung is set, waiters rely on a look that is still to come.
// letGo clears Rung first and has the Consumer look after that, which sets Ring if there
// still is a waiter.

const (
	mostHot = 16 // a look at head is enough for more
	tooIdle = 64 // looks that find nothing let a Slot go, though others are busy
)

// consider makes the Slot of b hot if it is signaled in a stream and its Consumer,
// which has just looked, waits for more.
func (h *hub) consider(b *Bell, took uint64) {
	if took >= several && len(h.hot) < mostHot && b.slot.Word.Claim() {
		b.idle = 0
		h.hot = append(h.hot, b)
	}
}

// signaled reports whether it is worth having the Consumer look.
func (b *Bell) signaled() bool { return b.slot.Word.Count() > 0 }

// serveHot has the Consumers of hot Slots look, and returns how much they took.
func (h *hub) serveHot() (took uint64) {
	h.hot = slices.DeleteFunc(h.hot, func(b *Bell) bool {
		var n uint64
		if b.signaled() {
			n = b.look()
		}
		took += n
		if n > 0 {
			b.idle = 0
			return false
		}
		b.idle++
		if b.idle < tooIdle {
			return false
		}
		b.letGo()
		return true
	})
	return took
}

// letGo lets all hot Slots go.
func (h *hub) letGo() {
	for i, b := range h.hot {
		b.letGo()
		h.hot[i] = nil
	}
	h.hot = h.hot[:0]
}

func (b *Bell) letGo() {
	b.slot.Word.Answer()
	b.consumer.Look()
}
