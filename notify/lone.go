package notify

// A waiter that is the only one, and finds a private Notifier without a count, needs neither the lock
// nor the queue: it sets a flag of the state word, and the next Add sends to home. While it waits and
// until it has received, home belongs to it; see internal/word/lone.go. All that takes the lock first
// moves such a waiter to the queue.

// addLone hands delta to a goroutine that waits alone, as the caller has seen, and reports whether it
// did.
func (n *Notifier) addLone(delta uint64) bool {
	if delta-1 >= MaxCount {
		return false
	}
	if !n.count.Own().ClaimLone() {
		return false // the waiter is gone
	}
	n.noteReceived(delta) // before the waiter has it; an FD that comes in between finds the claim
	n.home.Value <- delta
	return true
}

// noteClaimed is called before an eventfd is made. It notes that a count is received if home belongs to a
// goroutine that is not in the queue: an addLone that has claimed the goroutine might not have noted it yet.
// Otherwise the goroutine was served in the queue, which is noted already: without an eventfd no waiter gets
// an error instead. The caller holds the lock.
func (n *Notifier) noteClaimed() {
	if n.count.FD() == nil && n.count.Own().Occupied() && !n.home.Queued() {
		n.noteReceived(1)
	}
}

// lock locks the count and returns true, or returns false after Close. It sets a flag so that no
// goroutine waits alone from now on. settle clears the flag when it is not needed.
func (n *Notifier) lock() bool {
	if !n.count.Lock() {
		return false
	}
	if n.count.Own().Hold() {
		n.waiters.Push(n.home)
	}
	return true
}
