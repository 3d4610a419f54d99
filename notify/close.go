package notify

import "os"

// Close ends the Notifier and closes its descriptor, if it has one. Goroutines
// in Wait wake with an error that matches [os.ErrClosed], except that a count
// which is still pending goes to the first of them, or else through C, which is
// then closed. If there is neither, the count stays in the eventfd for others who
// hold it. A C thread that signals through Handle from now on does nothing.
//
// Close never blocks: a call that another goroutine is in the middle of ends as
// if it had come first, and the descriptor is closed when the last such call has
// ended. A second Close returns an error that matches [os.ErrClosed].
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

// last delivers what is pending and wakes everybody. It runs once, when Close
// has forbidden new calls and the last one has ended, so there is no Add that
// it could miss.
func (n *Notifier) last() {
	n.count.LockShut()
	defer n.count.UnlockShut()
	n.count.End()
	n.closed = true
	for w := n.next(); w != nil; w = n.next() {
		count, _ := n.count.TakeAll()
		w <- count // for the first; 0 for the others
	}
	if c := n.c.Load(); c != nil {
		n.closeC(*c)
	}
}

// closeC sends what is left and closes c, or leaves both to the goroutine that
// spills, if there is one or this makes one. The caller holds the lock.
func (n *Notifier) closeC(c chan uint64) {
	for count, _ := n.count.TakeAll(); count > 0; count, _ = n.count.TakeAll() {
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
