package notify

import (
	"math"
	"os"

	"github.com/eventchan/eventchan/internal/counter"
)

// Close closes the Notifier and its descriptor, if it has one. It never blocks. Calls in progress in
// other goroutines complete as if they had happened before Close, and the descriptor is closed when
// the last of them returns.
//
// The pending count can still be received, as from a closed channel. It goes to the first goroutine
// that is waiting in Wait, otherwise to C, and otherwise to the first call of Wait, TryWait or C after
// Close. All other waiters, and later calls of Wait, get an error matching [os.ErrClosed], and C is
// closed. A waiter can also get the error of a system call that fails. The exception is an exported
// Notifier that has never received a count and whose C was not called: its count stays in the eventfd
// for the other holders.
//
// A later signal of a C thread through Handle has no effect. A second Close returns an error matching
// [os.ErrClosed].
func (n *Notifier) Close() error {
	if !n.lock() {
		return n.failed("Close", os.ErrClosed)
	}
	fd := n.count.Shut()
	n.count.Unlock()
	if fd == nil {
		n.last()
	} else {
		fd.Close(n.last)
	}
	return nil
}

// last delivers the pending count and wakes all waiters. It runs once, when Close has forbidden new
// calls and the last call in progress has ended, so it cannot miss an Add.
func (n *Notifier) last() {
	n.count.LockShut()
	defer n.count.UnlockShut()
	n.count.End()
	n.closed = true
	for p := n.next(); p != nil; p = n.next() {
		if count, err := n.count.TakeAll(); err != nil {
			n.fail(p, err) // the count goes to the next waiter
		} else {
			n.give(p, count) // 0 for all but the first, which means os.ErrClosed
		}
	}
	c := n.c.Load()
	if n.takes() {
		n.takePieces()
	} else {
		n.count.Leave()
	}
	if c != nil {
		n.closeC(*c)
	}
}

// takes reports whether Close takes what is pending along: not from an exported Notifier that has never
// received a count and whose C was not called.
func (n *Notifier) takes() bool {
	return n.c.Load() != nil || n.count.FD() == nil || n.taking.Load() > 0 || n.received.Load() // in that order
}

// takePieces takes what is pending into pieces. Two takes are enough for all that came in time, even if
// its sum is past math.MaxUint64. More could go on without end, because another holder of the eventfd can
// add as fast as they take. A take that fails is repeated. The caller holds the lock.
func (n *Notifier) takePieces() {
	for takes, tries := 0, 0; takes < 2 && tries < counter.LastTries; tries++ {
		count, err := n.count.TakeAll()
		if err == nil {
			takes++
		}
		if end := len(n.pieces) - 1; end >= 0 && count <= math.MaxUint64-n.pieces[end] {
			n.pieces[end] += count
		} else if count > 0 {
			n.pieces = append(n.pieces, count)
		}
	}
}

// closeC sends the pieces and closes c. If a goroutine spills, or begins to spill because of them,
// closeC leaves the rest and the closing to that goroutine. The caller holds the lock.
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
