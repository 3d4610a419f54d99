package notify

import (
	"math"
	"math/bits"
)

// C returns a channel of counts for use in a select statement. C returns the same channel each time.
//
// From the first call on, each count moves to the channel's buffer as it arrives, unless a goroutine
// is waiting in Wait, which is served first. The buffer holds one value, the sum of all counts that
// were not received yet, so a slow receiver loses nothing and does not block signalers. A sum that
// does not fit in a uint64 is received as several values.
//
// Close leaves the pending count in the channel and then closes it, even if C is called for the
// first time after Close. The exception that [Notifier.Close] names applies. C needs neither a
// goroutine of its own nor a receiver that drains it. Only a sum above [math.MaxUint64] keeps a
// goroutine, until its first value is received.
func (n *Notifier) C() <-chan uint64 {
	if c := n.c.Load(); c != nil {
		return *c
	}
	open := n.lock()
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

// mostTurns is how often deliver looks again because a signal has come while it was delivering. In a
// stream it would otherwise keep the lock, and all other handles waiting, for as long as C threads
// signal faster than it delivers.
const mostTurns = 16

// deliver hands the pending count to the first waiter, or to C without a waiter, until the count is
// 0, and then asks for the next event. Without a waiter and C, the count stays where it is, and the
// source is disarmed. If taking the count fails, the first waiter gets the error. C, which cannot
// return an error, is served again later. The caller holds the lock.
func (n *Notifier) deliver() {
	c := n.c.Load()
	if c != nil {
		n.count.MustArm() // before anything is taken, so that no later signal goes unseen
	}
	var served bool
	for turn := 0; ; turn++ {
		last := turn >= mostTurns
		if last {
			n.count.Sleep(math.MaxUint64, true) // before anything is taken: a signal after it rings
		}
		switch {
		case n.waiters.Len() > 0:
			if count, err := n.take(); err != nil {
				n.fail(n.next(), err)
				continue // there is no other event for the waiters behind it
			} else if count > 0 {
				n.give(n.next(), count)
				served = true
			}
		case c == nil:
			n.settle()
			n.relax(served)
			return
		case !n.spilling: // otherwise spill calls deliver again
			if count, err := n.count.TakeAll(); err != nil {
				n.count.Retry()
				return
			} else if count > 0 {
				n.send(*c, count)
			}
		}
		if n.spilling || n.waited() && (last || n.count.Sleep(1, true)) {
			return
		}
	}
}

// hand hands count, which was not added to the Counter yet, to the first waiter or to C, and reports
// whether it did. A count that others have added but that was not delivered yet is delivered after
// it, and receivers cannot distinguish the two orders. The caller holds the lock.
func (n *Notifier) hand(count uint64) bool {
	if count > MaxCount {
		return false
	}
	if p := n.next(); p != nil {
		n.count.NotAlike()
		if n.count.Shared() && !n.waited() {
			n.count.Wake() // otherwise a C thread would ring the doorbell without need
		}
		n.give(p, count)
		return true
	}
	c := n.c.Load()
	if c == nil || n.spilling {
		return false // the caller adds count to the Counter, or reports that it does not fit
	}
	n.send(*c, count)
	return true
}

// send merges count into C's buffer. If the sum does not fit in a uint64, it starts spill. The caller
// holds the lock, and no goroutine spills.
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

// spill is the only goroutine that C can need. It waits until C's buffer has room for a piece, a part
// of a sum past MaxUint64. Until then later counts stay in the Counter, which refuses counts that it
// cannot hold. Therefore a second piece exists only if last leaves one.
func (n *Notifier) spill(c chan uint64, piece uint64) {
	c <- piece
	if n.lock() {
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
		return // last sends what is left, and closes c
	}
	for _, piece := range pieces {
		c <- piece
	}
	close(c)
}
