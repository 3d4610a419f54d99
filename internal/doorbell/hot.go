package doorbell

import "slices"

// A Slot is hot while the goroutine of the doorbell polls it without being rung.
// The goroutine itself has replaced Ring by Rung, as a signaler does, but without
// a push, and keeps Rung set until it lets the Slot go. A stream of signals to one
// handle therefore costs each signaler one atomic addition per signal.
//
// No wake-up is lost: while Rung is set, waiters rely on a look that is still to come.
// letGo clears Rung first and calls the Consumer after that, which sets Ring if there
// still is a waiter.

const (
	mostHot = 16 // how many Slots can be hot; the others are pushed onto the stack
	tooIdle = 64 // how many looks in a row find nothing before a Slot is let go
)

// consider makes the Slot of b hot if it is signaled in a stream and its Consumer,
// whose Look has just returned, waits for more.
func (h *hub) consider(b *Bell, took uint64) {
	if took >= several && len(h.hot) < mostHot && b.slot.Word.Claim() {
		b.idle = 0
		h.hot = append(h.hot, b)
	}
}

// signaled reports whether the count is not 0, so that calling the Consumer is worthwhile.
func (b *Bell) signaled() bool { return b.slot.Word.Count() > 0 }

// serveHot calls the Consumers of hot Slots that are signaled, and returns how much they took.
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

// letGo lets all hot Slots go: signalers ring for them again.
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
