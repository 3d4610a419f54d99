package notify

// vacant returns a place that no call uses, which is home if no goroutine owns it. The caller holds the
// lock.
func (n *Notifier) vacant() *place {
	if n.count.Own().Occupy() {
		return n.home
	}
	return newPlace()
}

// free ends the use of a place, which is not in the queue any more and whose channel is empty.
func (n *Notifier) free(p *place) {
	if p == n.home {
		n.count.Own().Part()
	}
}

func newPlace() *place { return &place{Value: make(result, 1)} }

// recount updates queued after each change of waiters. The caller holds the lock.
func (n *Notifier) recount() {
	if n.count.FD() != nil {
		n.queued.Store(int32(n.waiters.Len()))
	}
}

// leave removes a waiter from the queue, where lock has put one that waits alone, and reports whether
// it was still there. If so, leave frees its place, under the lock because of noteClaimed.
func (n *Notifier) leave(p *place) bool {
	if !n.lock() {
		n.count.LockShut()
		defer n.count.UnlockShut()
		if !n.waiters.Remove(p) {
			return false
		}
		n.free(p)
		n.recount()
		return true
	}
	defer n.count.Unlock()
	if !n.waiters.Remove(p) {
		return false
	}
	n.free(p)
	n.recount()
	n.settle()
	return true
}

// next removes the first waiter from the queue and returns its place, or nil if the queue is empty. The
// caller holds the lock.
func (n *Notifier) next() *place {
	p := n.waiters.Pop()
	if p != nil {
		n.recount()
	}
	return p
}
