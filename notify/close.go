package notify

import "os"

// Close closes the descriptor. Goroutines in Wait wake with an error that
// matches [os.ErrClosed], except that a count which is still pending goes to the
// first of them, or else through C, which is then closed. If there is neither,
// the count stays in the eventfd for others who hold it.
//
// Close never blocks: a call that another goroutine is in the middle of ends as
// if it had come first, and the descriptor is closed when the last such call has
// ended. A second Close returns an error that matches [os.ErrClosed].
func (n *Notifier) Close() error {
	if !n.fd.Close(n.last) {
		return n.failed("Close", os.ErrClosed)
	}
	return nil
}

// last delivers what is pending and wakes everybody. It runs once, when Close
// has forbidden new calls and the last one has ended, so there is no Add that
// it could miss.
func (n *Notifier) last() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	n.source.Close()
	c := n.c.Load()
	var count uint64
	if n.waiters.Len() > 0 || c != nil {
		count, _ = n.fd.Take()
	}
	for w := n.next(); w != nil; w = n.next() {
		w <- count // for the first; 0 for the others
		count = 0
	}
	if c != nil {
		n.closeC(*c, count)
	}
}

// closeC sends the last count and closes c, or leaves both to the goroutine
// that spills, if there is one or this count makes one. The caller holds mu.
func (n *Notifier) closeC(c chan uint64, count uint64) {
	if n.spilling {
		n.rest = count
		return
	}
	if count > 0 {
		n.send(c, count)
	}
	if !n.spilling {
		close(c)
	}
}
