package notify

import "os"

// Close ends the Notifier and closes its descriptor, if it has one. It never blocks:
// a call that another goroutine is in the middle of ends as if it had come first,
// and the descriptor is closed when the last such call has ended.
//
// What is pending can still be received, as from a closed channel: it goes to the
// first goroutine in Wait, or through C, which is then closed, or, if there is
// neither, to the first call of Wait, TryWait or C after Close. All others in Wait,
// and later calls, get an error matching [os.ErrClosed]. There is one exception:
// after FD, File, FromFD or FromProcess, the count stays in the eventfd for its other
// holders if this Notifier has never received anything and C was not called.
//
// A C thread that signals through Handle from now on does nothing. A second Close
// returns an error matching [os.ErrClosed].
func (n *Notifier) Close() error {
	fd, first := n.count.Shut()
	if !first {
		return n.failed("Close", os.ErrClosed)
	}
	if fd == nil {
		n.last()
	} else {
		fd.Close(n.last)
	}
	return nil
}

// last delivers what is pending and wakes all waiters. It runs once, when Close
// has forbidden new calls and the last one has ended, so there is no Add that
// it could miss.
func (n *Notifier) last() {
	n.count.LockShut()
	defer n.count.UnlockShut()
	n.count.End()
	n.closed = true
	for p := n.next(); p != nil; p = n.next() {
		count, _ := n.count.TakeAll()
		n.give(p, count) // 0 for all but the first, which means os.ErrClosed
	}
	n.leader.end()
	c := n.c.Load()
	if c != nil || n.count.FD() == nil || n.received.Load() {
		for count, _ := n.count.TakeAll(); count > 0; count, _ = n.count.TakeAll() {
			n.pieces = append(n.pieces, count) // one, unless the sum is past MaxUint64
		}
	} else {
		n.count.Leave()
	}
	if c != nil {
		n.closeC(*c)
	}
}

// closeC sends what is left and closes c, or leaves both to the goroutine that
// spills, if there is one or this makes one. The caller holds the lock.
func (n *Notifier) closeC(c chan uint64) {
	pieces := n.pieces
	n.pieces = nil
	for _, count := range pieces {
		if n.spilling {
			n.pieces = append(n.pieces, count)
		} else {
			n.send(c, count)
		}
	}
	if !n.spilling {
		close(c)
	}
}
