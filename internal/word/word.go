// Package word provides the word that holds a count which no other process can
// see. It is added to and taken from in one atomic operation, by Go and,
// where it lies in memory that C knows of, by C threads, which speak the same
// protocol: docs/protocol.md.
package word

import (
	"sync/atomic"

	"github.com/eventchan/eventchan/internal/race"
)

// The flags of a word, and the count's part of it.
const (
	// Closed means that an add to the word comes too late.
	Closed = 1 << 63
	// Ring means that the consumer sleeps. A signaller that turns it into Rung has
	// to ring the doorbell.
	Ring = 1 << 62
	// Held means that the count is not all there is to know: Go code takes the
	// owner's lock before it adds or takes. C code leaves the flag alone.
	Held = 1 << 61
	// Rung means that the goroutine of the doorbell is going to look at the word.
	// Until it has cleared the flag there is no Ring: no signaler needs to ring again.
	Rung  = 1 << 60
	count = Rung - 1

	// Full bounds what an add leaves in the word. It is so far below Rung that
	// all the additions that C threads have begun do not carry into the flags.
	Full = 1 << 59
)

// A Word is a count and its flags.
//
// Why one word. Whether the consumer sleeps, whether there is something to take and
// whether it is too late are decided in the same atomic step, so there is no
// pair of locations whose order could be got wrong: an add sees Ring or comes
// before the step that set it, and that step, Sleep, succeeds only while the
// count is too small to wake up for.
type Word struct{ bits atomic.Uint64 }

// Add adds n if no flag but Rung is set and there is room, and reports whether it
// did. It can fail because another step came between.
func (w *Word) Add(n uint64) bool { return w.AddUpTo(n, Full) }

// AddUpTo is Add where most, at most Full, is all that there is room for.
func (w *Word) AddUpTo(n, most uint64) bool {
	v := w.bits.Load()
	race.Release()
	c := v &^ Rung
	return c < most && n <= most-c && w.bits.CompareAndSwap(v, v+n)
}

// TakeAll takes the whole count if no flag but Rung is set, and returns it. It can
// return 0 because another step came between.
func (w *Word) TakeAll() uint64 {
	v := w.bits.Load()
	if c := v &^ Rung; c-1 < Rung-1 && w.bits.CompareAndSwap(v, v&Rung) {
		race.Acquire()
		return c
	}
	return 0
}

// Take takes n, unless the count is smaller or the word is held, and reports
// whether it did. It may fail because somebody else was quicker. It looks past
// Ring: a semaphore's permit is anybody's until the waiter who was woken for it
// takes it.
func (w *Word) Take(n uint64) bool {
	v := w.bits.Load()
	if v&(Closed|Held) == 0 && v&count >= n && w.bits.CompareAndSwap(v, v-n) {
		race.Acquire()
		return true
	}
	return false
}

// Idle reports whether the count is 0 and no flag but Rung is set.
func (w *Word) Idle() bool { return w.bits.Load()&^Rung == 0 }

// Addable reports whether Add of n failed only because another step came between.
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

// Lacks reports whether the count is smaller than n and the word not held.
func (w *Word) Lacks(n uint64) bool {
	v := w.bits.Load()
	return v&(Closed|Held) == 0 && v&count < n
}

// The methods below are for the owner, with its lock held.

// Count returns the count.
func (w *Word) Count() uint64 { return w.bits.Load() & count }

// Store fills a word that is not in use yet.
func (w *Word) Store(count, flags uint64) { w.bits.Store(count | flags) }

// Swap sets the flags for good and returns the count, which is now 0, and the
// flags there were.
func (w *Word) Swap(flags uint64) (n, old uint64) {
	v := w.bits.Swap(flags)
	race.Acquire()
	return v & count, v &^ count
}

// Set sets flags.
func (w *Word) Set(flags uint64) { w.bits.Or(flags) }

// AddHeld adds n whatever the flags are, if there is room.
func (w *Word) AddHeld(n uint64) bool { return w.AddHeldUpTo(n, Full) }

// AddHeldUpTo is AddHeld where most, at most Full, is all that there is room for.
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

// Sleep replaces Ring and Held by flags, unless the count has reached enough: then
// it changes nothing and returns false. While Rung is set it leaves Ring unset,
// because the goroutine of the doorbell is going to look, and that look comes
// after this step.
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

// The methods below are for the goroutine of the doorbell, which needs no lock.

// Answer clears Rung, before the goroutine looks: the next signaller that finds
// the consumer asleep rings again.
func (w *Word) Answer() { w.bits.And(^uint64(Rung)) }

// Claim turns Ring into Rung, as a signaller does before it rings, and reports
// whether it did. Then the goroutine goes on looking until Answer, and no signaller
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
