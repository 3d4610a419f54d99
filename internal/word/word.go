// Package word provides the state word: the 64-bit count of a private or shared object,
// with flags in its upper bits. Adding and taking are one atomic operation each. If the word
// is in memory that C threads know, they follow the same protocol: docs/protocol.md.
package word

import (
	"sync/atomic"

	"github.com/eventchan/eventchan/internal/race"
)

// The flags of a word, and the bits of its count.
const (
	// Closed means that it is too late to add to the word.
	Closed = 1 << 63
	// Ring means that the consumer is sleeping. The signaler that replaces Ring by Rung
	// must ring the doorbell.
	Ring = 1 << 62
	// Held means that the word alone does not decide: Go code takes the
	// owner's lock before it adds or takes. C code ignores the flag.
	Held = 1 << 61
	// Rung means that the goroutine of the doorbell is going to look at the word.
	// Ring stays unset until it has cleared Rung, so signalers do not ring again.
	// In the word of a private Notifier, Ring without Held, and Rung, are about a waiter that
	// waits alone: see lone.go.
	Rung  = 1 << 60
	count = Rung - 1

	// Full is the largest count that an add leaves in the word. It is so far below Rung that
	// the additions that C threads have begun cannot carry into the flags.
	Full = 1 << 59
)

// A Word is a count and its flags.
//
// Why it is one word: whether the consumer is sleeping, whether there is something to take and
// whether it is too late are decided in the same atomic operation, so there are no
// two locations whose order could matter. An add sees Ring or comes
// before the operation that sets Ring. That operation, Sleep, succeeds only while the
// count is too small for the consumer to wake up.
type Word struct{ bits atomic.Uint64 }

// Add adds n if no flag except Rung is set and there is room, and reports whether it
// did. It can fail because the word changed at the same time.
func (w *Word) Add(n uint64) bool { return w.AddUpTo(n, Full) }

// AddUpTo is Add with room for a count of most, which is at most Full.
func (w *Word) AddUpTo(n, most uint64) bool {
	v := w.bits.Load()
	race.Release()
	c := v &^ Rung
	return c < most && n <= most-c && w.bits.CompareAndSwap(v, v+n)
}

// TakeAll takes the whole count if no flag except Rung is set, and returns it. It can
// return 0 because the word changed at the same time.
func (w *Word) TakeAll() uint64 {
	v := w.bits.Load()
	if c := v &^ Rung; c-1 < Rung-1 && w.bits.CompareAndSwap(v, v&Rung) {
		race.Acquire()
		return c
	}
	return 0
}

// Take takes n, unless the count is smaller or Held or Closed is set, and reports
// whether it did. It can fail because the word changed at the same time. It ignores
// Ring: until the waiter that was woken for a semaphore's permit takes it, any goroutine can.
func (w *Word) Take(n uint64) bool {
	v := w.bits.Load()
	if v&(Closed|Held) == 0 && v&count >= n && w.bits.CompareAndSwap(v, v-n) {
		race.Acquire()
		return true
	}
	return false
}

// Idle reports whether the count is 0 and no flag except Rung is set.
func (w *Word) Idle() bool { return w.bits.Load()&^Rung == 0 }

// Addable reports whether Add of n failed only because the word changed at the same time.
func (w *Word) Addable(n uint64) bool { return w.AddableUpTo(n, Full) }

// AddableUpTo is Addable for AddUpTo.
func (w *Word) AddableUpTo(n, most uint64) bool {
	c := w.bits.Load() &^ Rung
	return c < most && n <= most-c
}

// Takeable is Addable for Take.
func (w *Word) Takeable(n uint64) bool {
	v := w.bits.Load()
	return v&(Closed|Held) == 0 && v&count >= n
}

// Lacks reports whether the count is smaller than n and neither Held nor Closed is set.
func (w *Word) Lacks(n uint64) bool {
	v := w.bits.Load()
	return v&(Closed|Held) == 0 && v&count < n
}

// The owner calls the methods below with its lock held.

// Count returns the count.
func (w *Word) Count() uint64 { return w.bits.Load() & count }

// Store fills a word that is not in use yet.
func (w *Word) Store(count, flags uint64) { w.bits.Store(count | flags) }

// Retire takes the count out of a private word and closes it. It returns the count and the
// flags except Rung, which stays in the word.
func (w *Word) Retire() (n, old uint64) {
	for {
		v := w.bits.Load()
		if w.bits.CompareAndSwap(v, Closed|Held|v&Rung) {
			race.Acquire()
			return v & count, v &^ (count | Rung)
		}
	}
}

// Put adds n to a private word that is closed.
func (w *Word) Put(n uint64) { w.bits.Add(n) }

// Swap sets the count to 0 and replaces the flags. It returns the old count and the old flags.
func (w *Word) Swap(flags uint64) (n, old uint64) {
	v := w.bits.Swap(flags)
	race.Acquire()
	return v & count, v &^ count
}

// Set sets flags.
func (w *Word) Set(flags uint64) { w.bits.Or(flags) }

// AddHeld adds n whatever the flags are, if there is room.
func (w *Word) AddHeld(n uint64) bool { return w.AddHeldUpTo(n, Full) }

// AddHeldUpTo is AddHeld with room for a count of most, which is at most Full.
func (w *Word) AddHeldUpTo(n, most uint64) bool {
	race.Release()
	for {
		v := w.bits.Load()
		if c := v & count; c > most || n > most-c {
			return false
		}
		if w.bits.CompareAndSwap(v, v+n) {
			return true
		}
	}
}

// TakeHeld takes n whatever the flags are, or nothing if the count is smaller.
func (w *Word) TakeHeld(n uint64) bool {
	for {
		v := w.bits.Load()
		if v&count < n {
			return false
		}
		if w.bits.CompareAndSwap(v, v-n) {
			race.Acquire()
			return true
		}
	}
}

// TakeUpTo takes the count, but at most n, whatever the flags are.
func (w *Word) TakeUpTo(n uint64) uint64 {
	for {
		v := w.bits.Load()
		took := min(v&count, n)
		if took == 0 {
			return 0
		}
		if w.bits.CompareAndSwap(v, v-took) {
			race.Acquire()
			return took
		}
	}
}

// Sleep replaces Ring and Held by flags and returns true. If the count has reached enough,
// it changes nothing and returns false. While Rung is set, Sleep leaves Ring unset,
// because the goroutine of the doorbell is still going to look, after this operation.
func (w *Word) Sleep(enough, flags uint64) bool {
	for {
		v := w.bits.Load()
		if v&count >= enough {
			return false
		}
		next := v&^(Ring|Held) | flags
		if v&Rung != 0 {
			next &^= Ring
		}
		if v == next || w.bits.CompareAndSwap(v, next) {
			return true
		}
	}
}

// The goroutine of the doorbell calls the methods below without a lock.

// Answer clears Rung. The goroutine then looks at the word, and the next signaler that finds
// the consumer asleep rings again.
func (w *Word) Answer() { w.bits.And(^uint64(Rung)) }

// Claim replaces Ring by Rung, as a signaler does before it rings, and reports
// whether it did. The goroutine then keeps polling the word until Answer, and no signaler
// needs to ring.
func (w *Word) Claim() bool {
	for {
		v := w.bits.Load()
		if v&Ring == 0 {
			return false
		}
		if w.bits.CompareAndSwap(v, v^(Ring|Rung)) {
			return true
		}
	}
}
