package notify

import "os"

// takeOrQueueShut is takeOrQueue after Close. While a call that began before Close is still adding,
// last has not run. It serves the queue when it runs.
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

// takeShut is tryWait after Close. While a call that began before Close is still adding, last has not
// run, and takeShut takes the count that last would leave for it. The count that the call adds is
// received later. The descriptor is still open, because it is closed after last, which must wait for
// the lock. The caller holds the lock.
func (n *Notifier) takeShut() (count uint64) {
	if n.closed || !n.takes() || n.waiters.Len() > 0 {
		return n.takeLeft()
	}
	count, _ = n.take()
	return count
}

// takeLeft takes the count that Close has left for the first call after it, in C's buffer or in pieces.
// It returns 0 if nothing is left. The caller holds the lock.
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
