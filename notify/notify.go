// Package notify provides [Notifier], a counter that goroutines wait on and that C threads,
// other processes and the kernel can increment.
package notify

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/eventchan/eventchan/internal/counter"
	"github.com/eventchan/eventchan/internal/fifo"
	"github.com/eventchan/eventchan/internal/rawefd"
)

// MaxCount is the largest value to which [Notifier.Add] can raise the count. The kernel can raise
// the count to MaxCount+1, which is delivered like any other count.
const MaxCount = 1<<64 - 2

// ErrOverflow is wrapped by the error that [Notifier.Add] returns if the count would exceed
// [MaxCount]. Nothing was added: receive the count, and then add again.
var ErrOverflow = errors.New("count exceeds the maximum")

// A Notifier is a count of signals, to which goroutines, C threads, other processes and the
// kernel can add. A goroutine that waits takes the whole count, which goes back to 0. Several
// signals can therefore arrive as one receive, but none is lost: the counts that Wait, TryWait
// and C deliver add up to exactly what was added.
//
// A Notifier is in one of these states:
//
//   - private, after [New]: the count is a number in Go's memory. It makes no system call and
//     uses no descriptor.
//   - shared, after [Notifier.Handle]: C threads of this process can add as well.
//   - exported, after [Notifier.FD], [Notifier.File], [FromFD] or [FromProcess]: the count is in
//     an eventfd in counting mode, and stays there. Every holder of its descriptor can add to
//     the count and take it. An exported Notifier can be shared as well.
//
// All methods are safe for concurrent use. The zero value is not usable. After Close, methods
// that return an error return one matching [os.ErrClosed]; the comments of the others say what
// they do then.
//
// An exported Notifier uses one descriptor of its own. Handle uses none of its own: the first
// Handle of a process opens one eventfd (a pipe on a Unix system without eventfd), which stays
// open, and one goroutine serves all handles. All exported Notifiers and Semaphores share one
// more goroutine and one descriptor from the time when one of them first has a waiter or a C
// channel; at the latest, both are gone when all of them are closed. A goroutine that waits again and
// again with the same context that is not from package context can add one goroutine for each object,
// until that context is done or the object is closed. No thread is blocked, except as Add
// describes. See eventfd(2).
type Notifier struct {
	// What most calls read and few write, on one cache line with the first fields of count:
	// see counter.Counter. The lock of count guards home and pieces.

	// c is nil until C is called. While no goroutine spills, c is sent to and closed only with
	// the lock held, so a send to the empty buffer never blocks.
	c atomic.Pointer[chan uint64]
	// home is the place of a waiter that comes while no other waiter uses it. Other places are
	// not reused: a channel that was made in a testing/synctest bubble must stay in that bubble,
	// so only New can make a place for reuse.
	home   *place
	pieces []uint64 // what last leaves to the spilling goroutine, or to a call after Close

	count counter.Counter // its lock guards the fields below

	waiters  fifo.Queue[result] // in FIFO order
	queued   atomic.Int32       // number of waiters once exported; read without the lock
	closed   bool               // set by last, which runs when Close has begun and the calls in progress have ended
	spilling bool               // a goroutine is in spill; see channel.go
	received atomic.Bool        // a goroutine has received a count, or is about to
	taking   atomic.Int32       // how many goroutines might have taken the first one; see takeFirstWord
}

// A place is a node of the queue of waiters. Its channel, with a buffer of one, gets the count
// for which a call of Wait sleeps, or 0 if that call gets none.
type (
	place  = fifo.Node[result]
	result chan uint64
)

// New returns a private Notifier with count 0. It makes no system call, and works on every system
// and inside a testing/synctest bubble. The error is always nil.
//
// In a bubble the Notifier has to stay private. After FD, File or Handle, a goroutine that serves
// all objects of the process sends to the Notifier's channels, and the Go runtime ends a process
// in which a goroutine outside a bubble uses a channel of the bubble.
func New() (*Notifier, error) {
	return wrap(nil), nil
}

func wrap(fd *rawefd.FD) *Notifier {
	n := &Notifier{home: newPlace()}
	n.count.Init(0, false, fd, (*server)(n))
	return n
}

// Notify adds 1 to the count. It is equivalent to Add(1).
func (n *Notifier) Notify() error {
	return n.Add(1)
}

// Add adds delta to the count and wakes a waiter. Add(0) does nothing. Add does not block, with
// one exception: if another holder of the eventfd has cleared O_NONBLOCK and filled the counter,
// the call blocks its thread until there is room, or until Close. Beside one call for each Notifier
// and Semaphore at most 32 calls of the process block; others return an error matching [ErrOverflow].
//
// If the count would exceed [MaxCount], Add adds nothing and returns an error matching
// [ErrOverflow]. After Close every Add, even Add(0), returns an error matching [os.ErrClosed]. If
// Add returns nil, the count that it has added is delivered, even if Close runs concurrently.
//
// It costs one atomic operation. If a goroutine is waiting or C is in use, Add hands over the signal
// itself. That takes a lock, unless exactly one goroutine is waiting for a private Notifier; once
// several have been waiting, until an Add finds none. After FD or File Add costs one system call,
// unless a goroutine is waiting or C is in use; two if the descriptor came to [FromFD] without
// O_NONBLOCK. If delta is then more than 1, Add also reads /proc, which allocates. Otherwise it does
// not allocate.
func (n *Notifier) Add(delta uint64) error {
	if n.count.Word().Add(delta) || n.count.Own().Lone() && n.addLone(delta) {
		return nil
	}
	fd := n.count.FD()
	if fd == nil || delta == 0 || n.queued.Load() > 0 || n.c.Load() != nil || fd.Blocking() || !fd.Use() {
		return n.add(delta)
	}
	var err error
	if !fd.Alone() || fd.TryAdd(&delta) != 0 {
		err = fd.Add(delta)
	}
	fd.Done()
	if err == rawefd.ErrCrowded {
		return n.add(delta)
	}
	if err != nil {
		return n.failed(fmt.Sprintf("Add(%d)", delta), err)
	}
	return nil
}

// add is the slow path of Add, for a state word that is held, full or closed.
func (n *Notifier) add(delta uint64) error {
	for n.count.Word().Addable(delta) {
		if n.count.Word().Add(delta) {
			return nil
		}
	}
	if !n.lock() {
		return n.failed(fmt.Sprintf("Add(%d)", delta), os.ErrClosed)
	}
	var err error
	if delta > 0 && !n.hand(delta) {
		err = n.count.Add(delta)
		n.settle()
	}
	n.count.Unlock()
	if err != nil {
		return n.failed(fmt.Sprintf("Add(%d)", delta), err)
	}
	return nil
}

// Count returns the pending count without taking it. It does not include the count in C's buffer.
// It is meant for debugging and monitoring, not for synchronization: after FD or File it reads
// /proc. If that fails, Count returns the error, and where the system does not show the count
// (gVisor), one matching [errors.ErrUnsupported]. After Close it returns an error matching
// [os.ErrClosed].
func (n *Notifier) Count() (uint64, error) {
	if !n.count.Lock() {
		return 0, n.failed("Count", os.ErrClosed)
	}
	defer n.count.Unlock()
	count, err := n.count.Count()
	if err != nil {
		return 0, n.failed("Count", err)
	}
	return count, nil
}

// failed returns err with the package, the call and the descriptor, if there is one.
func (n *Notifier) failed(call string, err error) error {
	if errors.Is(err, rawefd.ErrFull) {
		err = ErrOverflow
	}
	if fd := n.count.FD(); fd != nil {
		if num := fd.Number(); num >= 0 { // beside Close it can become negative
			return fmt.Errorf("notify: %s on descriptor %d: %w", call, num, err)
		}
	}
	return fmt.Errorf("notify: %s: %w", call, err)
}
