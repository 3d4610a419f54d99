package notify

import "math/bits"

// C returns a channel of counts for use in select; it is the same one each
// time. Once C has been called, counts move into its buffer as they come (those
// of goroutines in Wait excepted) and are no longer pending in the kernel. The
// buffer of one holds the whole count not received yet, so a slow receiver
// loses nothing and blocks nobody. A sum that no uint64 holds is received in
// pieces.
//
// Close delivers what was pending and then closes the channel. C needs neither
// a goroutine of its own nor a receiver that drains it; only a sum past MaxUint64
// keeps a goroutine until its first piece is received.
func (n *Notifier) C() <-chan uint64 {
	if c := n.c.Load(); c != nil {
		return *c
	}
	used := n.fd.Use()
	if used {
		defer n.fd.Done() // after mu is released: it may call last
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.c.Load(); c != nil {
		return *c
	}
	c := make(chan uint64, 1)
	n.c.Store(&c)
	switch {
	case n.closed:
		close(c)
	case used:
		n.deliver()
	}
	return c
}

// deliver hands the count to the first waiter, else to C. If there is neither,
// the count stays where whoever polls the descriptor sees it, and the source is
// disarmed. The caller holds mu and a use of fd.
func (n *Notifier) deliver() {
	c := n.c.Load()
	if c != nil {
		n.source.MustArm() // before Take, so that no later signal goes unseen
	}
	switch {
	case n.waiters.Len() > 0:
		if count, err := n.take(); err == nil && count > 0 {
			n.next() <- count
		}
	case c == nil:
		n.source.Disarm()
	case !n.spilling: // spill comes back when there is room
		if count, err := n.fd.Take(); err == nil && count > 0 {
			n.send(*c, count)
		}
	}
}

// hand delivers a count that is not in the kernel, and reports whether it could.
// A count that is there already and on its way to the poller comes after it,
// which nobody can tell from its coming before. The caller holds a use of fd.
func (n *Notifier) hand(count uint64) bool {
	if count == 0 || count > MaxCount {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if w := n.next(); w != nil {
		w <- count
		return true
	}
	c := n.c.Load()
	if c == nil || n.spilling {
		return false // the kernel keeps it, or refuses what it cannot hold
	}
	n.send(*c, count)
	return true
}

// send merges count into C's buffer. The caller holds mu, and nobody spills.
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
// kernel, which refuses what it cannot hold, so there is never a second piece
// but the one that last leaves.
func (n *Notifier) spill(c chan uint64, piece uint64) {
	c <- piece
	n.mu.Lock()
	n.spilling = false
	closed, rest := n.closed, n.rest
	n.mu.Unlock()
	if !closed {
		n.ready()
		return
	}
	if rest > 0 {
		c <- rest
	}
	close(c)
}
