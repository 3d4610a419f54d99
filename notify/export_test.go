package notify

// Steady returns how many waits must have been alike before a goroutine leads.
func Steady() int { return int(steady) }

// LeadAlways has each goroutine lead that can.
func LeadAlways() { steady = 0 }

// Waiting returns the number of goroutines that sleep in Wait.
func Waiting(n *Notifier) int {
	n.count.LockShut()
	defer n.count.UnlockShut()
	return n.waiters.Len()
}

// Free reports whether Add, Wait and TryWait need no lock now: no flag of the state word
// sends them to it.
func Free(n *Notifier) bool { return n.count.Word().Addable(1) }

// QueueAndLeave does what Wait does until it sleeps, under one lock, and gives up. It
// returns false if Wait would have slept where the next Add does not find it.
func QueueAndLeave(n *Notifier) bool {
	n.count.Lock()
	defer n.count.Unlock()
	_, p, _ := n.takeOrSleep(n.count.Private() && n.c.Load() == nil)
	if p == nil {
		return true
	}
	found := !Free(n)
	n.waiters.Remove(p)
	n.recount()
	n.settle()
	return found
}
