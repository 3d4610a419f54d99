package notify

// vacant returns a place that no call uses, which is home if possible. home is free once it is not
// queued and its channel is empty, because its last user has then either given up or received its
// count. The caller holds the lock.
func (n *Notifier) vacant() *place {
	if n.home != nil && !n.home.Queued() && len(n.home.Value) == 0 {
		return n.home
	}
	return newPlace()
}

func newPlace() *place { return &place{Value: make(result, 1)} }

// recount updates queued after each change of waiters. The caller holds the lock.
func (n *Notifier) recount() {
	if n.count.FD() != nil {
		n.queued.Store(int32(n.waiters.Len()))
	}
}

// leave removes a waiter from the queue and reports whether it was still there.
func (n *Notifier) leave(p *place) bool {
	if !n.count.Lock() {
		n.count.LockShut()
		defer n.count.UnlockShut()
		return n.waiters.Remove(p)
	}
	defer n.count.Unlock()
	if !n.waiters.Remove(p) {
		return false
	}
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
