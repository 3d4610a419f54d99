package notify

import "github.com/eventchan/eventchan/internal/counter"

// Steady returns how many waits must have been alike before a goroutine leads.
func Steady() int { return int(counter.Steady) }

// LeadAlways makes each goroutine lead that can.
func LeadAlways() { counter.Steady = 0 }

// Waiting returns the number of waiters.
func Waiting(n *Notifier) int {
	n.count.LockShut()
	defer n.count.UnlockShut()
	if n.count.Own().Lone() {
		return 1
	}
	return n.waiters.Len()
}

// Free reports whether no flag of the state word makes Add, Wait and TryWait take the lock.
func Free(n *Notifier) bool { return n.count.Word().Addable(1) }

// QueueAndLeave does what Wait does until it sleeps, in the queue, and then gives up. It returns false
// if the next Add would not have found the waiter.
func QueueAndLeave(n *Notifier) bool {
	n.lock()
	_, p, _ := n.takeOrSleep(n.count.Private() && n.c.Load() == nil)
	n.count.Unlock()
	if p == nil {
		return true
	}
	found := !Free(n)
	left := n.leave(p)
	if !left {
		<-p.Value // an Add has found it
		n.free(p)
	}
	return found || !left
}

// ServeLone is an Add that has claimed a goroutine that waits alone, until it sends. The goroutine
// then receives immediately, and its place is free.
func ServeLone(n *Notifier) (send func(count uint64)) {
	n.count.Own().WaitAlone()
	n.count.Own().ClaimLone()
	return func(count uint64) {
		n.home.Value <- count
		<-n.home.Value
		n.free(n.home)
	}
}

// AddLone is an Add that has seen a goroutine that waits alone.
func AddLone(n *Notifier, delta uint64) bool { return n.addLone(delta) }

// GiveUpAlone is a goroutine that waits alone and leaves because its ctx is done, until it runs again.
func GiveUpAlone(n *Notifier) { n.count.Own().WaitAlone(); n.leave(n.home) }

// ServeQueued is a goroutine that has waited in the queue and been served, until it receives.
func ServeQueued(n *Notifier) (receive func() uint64) {
	n.lock()
	_, p, _ := n.takeOrSleep(true)
	n.count.Unlock()
	n.Notify()
	return func() uint64 {
		defer n.free(p)
		return <-p.Value
	}
}

// WaitInSteps is a Wait that is queued: fetch receives what it gets, and end returns its error.
func WaitInSteps(n *Notifier) (fetch func() uint64, end func() error) {
	n.lock()
	_, p, _ := n.takeOrSleep(false)
	n.count.Arm()
	n.count.Unlock()
	return func() uint64 { return <-p.Value }, func() error {
		defer n.free(p)
		return failure(p)
	}
}
