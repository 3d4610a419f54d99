package notify

// Served reports whether the waiter at the place of r was served.
func (r result) Served() bool { return len(r) > 0 }

// alone reports whether at most one goroutine waits, and C is not in use. The caller holds
// the lock.
func (n *Notifier) alone() bool { return n.waiters.Len() <= 1 && n.c.Load() == nil }

// leadFirst returns the place of a waiter that leads, or nil. It does not check for a count, because a
// leader does so anyway before it waits. The source is already armed, so Prepare makes no event of a
// count that is there. The caller holds the lock.
func (n *Notifier) leadFirst(done <-chan struct{}) *place {
	if !n.count.Armed() || n.waiters.Len() > 0 || !n.count.JoinRow(done, n.alone()) || n.count.Prepare() != nil {
		return nil
	}
	p := n.vacant()
	n.waiters.Push(p)
	if n.count.Lead(done, p.Value, true) {
		n.recount()
		return p
	}
	n.waiters.Remove(p)
	n.free(p)
	return nil
}

// relax is called when an event has been delivered and no goroutine is waiting any more. served says
// whether one was. The caller holds the lock.
func (n *Notifier) relax(served bool) {
	if served {
		n.count.Alike()
	} else {
		n.count.Unlike()
	}
	n.count.Relax()
}

// give ends the sleep of a waiter. The caller holds the lock.
func (n *Notifier) give(p *place, count uint64) {
	n.noteReceived(count)
	p.Value <- count
	n.count.Nudge(p.Value)
}
