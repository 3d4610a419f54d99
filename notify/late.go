package notify

import "os"

// takeOrQueueShut is takeOrQueue after Close. While a call that began before Close is
// still adding, last has not run, which then serves the queue.
func (n *Notifier) takeOrQueueShut() (count uint64, p *place, err error) {
	n.count.LockShut()
	defer n.count.UnlockShut()
	if count = n.takeLeft(); count > 0 {
		return count, nil, nil
	}
	if n.closed {
		return 0, nil, os.ErrClosed
	}
	p = n.vacant()
	n.waiters.Push(p)
	return 0, p, nil
}

// takeShut is tryWait after Close. While a call that began before Close is still adding,
// last has not run, and takeShut takes what last would leave to it. What that call adds
// comes after it. The descriptor is still open: it is closed after last, which has to
// wait for the lock. The caller holds the lock.
func (n *Notifier) takeShut() (count uint64) {
	leaves := n.c.Load() != nil || n.count.FD() == nil || n.received.Load()
	if n.closed || !leaves || n.waiters.Len() > 0 {
		return n.takeLeft()
	}
	count, _ = n.take()
	return count
}

// takeLeft takes what Close has left to the first call after it, whether it is in C's
// buffer or not. It returns 0 if there is nothing. The caller holds the lock.
func (n *Notifier) takeLeft() (count uint64) {
	if c := n.c.Load(); c != nil {
		select {
		case count = <-*c:
		default: // last has not closed it yet
		}
		return count
	}
	if len(n.pieces) > 0 {
		count, n.pieces = n.pieces[0], n.pieces[1:]
	}
	return count
}
