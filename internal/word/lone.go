package word

// Waiting alone. In a private word, a waiter that is the only one needs neither the owner's lock nor
// the owner's queue. Such waiters share a channel, which belongs to one of them at a time. The word
// says whether it does:
//
//   - Ring without Held: a goroutine waits alone, and the count is 0. The channel is its own.
//   - Rung: the channel belongs to a goroutine that was alone and has been served, or that is or
//     was in the owner's queue. That also holds in a word that was retired.
//
// Only the goroutine to which the channel belongs frees it, by Part. What is sent to the channel is
// therefore received by the goroutine for which it was sent, and a goroutine that gives up does not
// end the wait of another. Rung does not stop those that add to the word or take from it.
//
// docs/lone.pml is a model of this.

// WaitAlone makes the caller the only waiter if the word is 0, and reports whether it did. The caller
// then receives and calls Part.
func (w *Word) WaitAlone() bool { return w.bits.Load() == 0 && w.bits.CompareAndSwap(0, Ring) }

// ClaimLone reports whether a goroutine was waiting alone, and ends that: the caller sends to it.
func (w *Word) ClaimLone() bool { return w.bits.Load() == Ring && w.bits.CompareAndSwap(Ring, Rung) }

// Lone reports whether a goroutine is waiting alone.
func (w *Word) Lone() bool { return w.bits.Load() == Ring }

// Occupied reports whether Rung is set. A goroutine to which the channel belongs cannot mistake the
// Rung of another for its own.
func (w *Word) Occupied() bool { return w.bits.Load()&Rung != 0 }

// Part frees the channel.
func (w *Word) Part() { w.bits.And(^uint64(Rung)) }

// Hold sets Held, so that no goroutine waits alone, and reports whether one did. If so, the owner
// queues it. The caller holds the owner's lock.
func (w *Word) Hold() (lone bool) {
	for {
		v := w.bits.Load()
		if v&Held != 0 {
			return false
		}
		next := v | Held
		if lone = v == Ring; lone {
			next |= Rung
		}
		if w.bits.CompareAndSwap(v, next) {
			return lone
		}
	}
}

// Occupy gives the channel to the caller if it is free, and reports whether it did. The caller holds
// the owner's lock, and Hold came before.
func (w *Word) Occupy() bool { return !w.Occupied() && w.bits.Or(Rung)&Rung == 0 }
