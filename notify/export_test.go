package notify

import "github.com/eventchan/eventchan/internal/counter"

// Steady returns how many waits must have been alike before a goroutine leads.
func Steady() int { return int(counter.Steady) }

// LeadAlways makes each goroutine lead that can.
func LeadAlways() { counter.Steady = 0 }

// Waiting returns the number of waiters in the queue.
func Waiting(n *Notifier) int {
	n.count.LockShut()
	defer n.count.UnlockShut()
	return n.waiters.Len()
}

// Free reports whether no flag of the state word makes Add, Wait and TryWait take the lock.
func Free(n *Notifier) bool { return n.count.Word().Addable(1) }

// QueueAndLeave does what Wait does until it sleeps, with the lock held throughout, and then gives up.
// It returns false if the next Add would not have found the waiter.
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
