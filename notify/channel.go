package notify

import "math/bits"

// C returns a channel of counts for use in a select, the same one each time. Once C has
// been called, counts move into its buffer as they come, except those of goroutines in
// Wait, and are not pending in the kernel any more. The buffer of one holds the whole
// count that was not received yet, so a slow receiver loses nothing and blocks no signaler.
// A sum that does not fit into a uint64 is received in pieces.
//
// Close delivers what was pending and then closes the channel, even if C is called for the
// first time after Close. C needs neither a goroutine of its own nor a receiver that drains
// it. Only a sum above MaxUint64 keeps a goroutine until its first piece is received.
func (n *Notifier) C() <-chan uint64 {
	if c := n.c.Load(); c != nil {
		return *c
	}
	open := n.count.Lock()
	if open {
		defer n.count.Unlock()
	} else {
		n.count.LockShut()
		defer n.count.UnlockShut()
	}
	if c := n.c.Load(); c != nil {
		return *c
	}
	c := make(chan uint64, 1)
	n.c.Store(&c)
	switch {
	case open:
		n.deliver()
	case n.closed:
		n.closeC(c)
	} // otherwise last closes it
	return c
}

// deliver hands what has come to the first waiter, or if there is none to C, until
// there is no more, and then asks for the next event. If there is neither, the count
// stays where it is, and the source is disarmed. A waiter gets the error of a take
// that fails; C, which cannot return it, is served again later. The caller holds the
// lock.
func (n *Notifier) deliver() {
	c := n.c.Load()
	if c != nil {
		n.count.MustArm() // before anything is taken, so that no later signal goes unseen
	}
	var served bool
	for {
		switch {
		case n.waiters.Len() > 0:
			if count, err := n.take(); err != nil {
				n.fail(n.next(), err)
			} else if count > 0 {
				n.give(n.next(), count)
				served = true
			}
		case c == nil:
			n.settle()
			n.relax(served)
			return
		case !n.spilling: // spill comes back when there is room
			if count, err := n.count.TakeAll(); err != nil {
				n.count.Retry()
				return
			} else if count > 0 {
				n.send(*c, count)
			}
		}
		if n.spilling || n.waited() && n.count.Sleep(1, true) {
			return
		}
	}
}

// hand delivers a count that was not added yet, and reports whether it could. A
// count that was added outside and is on its way comes after it, which no receiver
// can distinguish from its coming before. The caller holds the lock.
func (n *Notifier) hand(count uint64) bool {
	if count > MaxCount {
		return false
	}
	if p := n.next(); p != nil {
		n.alike = 0
		if n.count.Shared() && !n.waited() {
			n.count.Wake() // otherwise a C thread would ring although nothing waits
		}
		n.give(p, count)
		return true
	}
	c := n.c.Load()
	if c == nil || n.spilling {
		return false // the Counter keeps it, or refuses what it cannot hold
	}
	n.send(*c, count)
	return true
}

// send merges count into C's buffer. The caller holds the lock, and no
// goroutine spills.
func (n *Notifier) send(c chan uint64, count uint64) {
	select {
	case held := <-c:
		sum, carry := bits.Add64(held, count, 0)
		if carry == 0 {
			c <- sum
			return
		}
		c <- held
		n.spilling = true
		go n.spill(c, count)
	default:
		c <- count
	}
}

// spill is the one goroutine that C can ever need: it waits for room for a
// piece of a sum past MaxUint64. Until it is done, later counts stay in the
// Counter, which refuses what it cannot hold, so there is never a second piece
// but those that last leaves.
func (n *Notifier) spill(c chan uint64, piece uint64) {
	c <- piece
	if n.count.Lock() {
		n.spilling = false
		n.deliver()
		n.count.Unlock()
		return
	}
	n.count.LockShut()
	n.spilling = false
	closed, pieces := n.closed, n.pieces
	n.count.UnlockShut()
	if !closed {
		return // last does the rest
	}
	for _, piece := range pieces {
		c <- piece
	}
	close(c)
}
