// Package notify provides [Notifier]: a count of signals that goroutines wait
// for and that anything on the machine can add to.
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

// MaxCount is the largest count that [Notifier.Add] can make. The kernel itself
// can bring a counter to MaxCount+1, which is delivered like any other count.
const MaxCount = 1<<64 - 2

// ErrOverflow is matched by the error of an Add that would have brought the
// count past [MaxCount]. Nothing was added.
var ErrOverflow = errors.New("the count would pass its maximum")

// A Notifier is a count of signals that goroutines, C threads, other processes and the
// kernel add to. A goroutine that waits takes the whole count, which goes back to 0.
// Several signals can therefore arrive as one receive, but none is lost: the sum of what
// Wait, TryWait and C deliver is the sum of what was added.
//
// There is an eventfd, in counting mode, only once code outside Go needs one. A Notifier
// made by [New] is private: its count is a word in Go's memory, and it makes no system
// call. [Notifier.FD] and [Notifier.File] move the count to an eventfd, for good;
// [Notifier.Handle] shares the word with the C threads of this process.
//
// All methods can be called by many goroutines concurrently. The zero value is not
// usable. After Close, methods that return an error return one matching [os.ErrClosed];
// the comments of the others say what they do then.
//
// A private Notifier costs no descriptor, and FD or File costs one. Handle costs none
// of its own: the first Handle of a process opens one eventfd, which stays open, and
// one goroutine serves all handles (on a Unix system without eventfd it opens a pipe).
// All Notifiers and Semaphores with an eventfd and all Watchers share one more goroutine
// and one or two descriptors. These exist only while one of those objects has a waiter
// or a C channel. No thread is ever blocked. See eventfd(2).
type Notifier struct {
	count counter.Counter // and the lock of all below

	waiters  fifo.Queue[result] // first come first served
	queued   atomic.Int32       // their number once there is an eventfd, to be read without the lock
	closed   bool               // last has run
	spilling bool               // see channel.go
	pieces   []uint64           // what last leaves to the spilling goroutine, or to a call after Close
	received atomic.Bool        // Wait or TryWait has returned a count

	// c is nil until C is called. While no goroutine spills it is sent to and
	// closed under the lock alone, so a send to the empty buffer never blocks.
	c atomic.Pointer[chan uint64]

	done   <-chan struct{} // of the ctx of the last Wait that slept
	alike  uint8           // sleeps in a row that were like the last; see lead.go
	leader *leader         // nil before a Wait has led

	// home is a place for the first waiter. There is no pool of others: a channel
	// that was made in a testing/synctest bubble must stay there, so it is New that
	// makes what is used again.
	home *place
}

// A place is where a call of Wait sleeps. Its channel, with a buffer of one, gets the
// count that it waits for, or 0 if there will be none.
type (
	place  = fifo.Node[result]
	result chan uint64
)

// New returns a private Notifier with count 0. It makes no system call, and works on
// every system and inside a testing/synctest bubble. The error is always nil.
//
// In a bubble it has to stay private. After FD, File or Handle, a goroutine that
// serves all objects of the process sends to the channels of this one, and Go ends a
// process in which a goroutine of no bubble uses a channel of a bubble.
func New() (*Notifier, error) {
	return wrap(nil), nil
}

func wrap(fd *rawefd.FD) *Notifier {
	n := &Notifier{home: newPlace()}
	n.count.Init(0, false, fd, (*server)(n))
	return n
}

// Notify adds 1 to the count; it is Add(1).
func (n *Notifier) Notify() error {
	return n.Add(1)
}

// Add adds delta to the count and wakes a waiter. Adding 0 does nothing.
//
// Add never blocks. If the count would exceed [MaxCount], it adds nothing and returns an
// error matching [ErrOverflow]. If Add returns nil, what it has added is delivered, even if
// Close runs at the same time.
//
// Add does not allocate. It costs one atomic operation, or one lock acquisition if a
// goroutine is waiting or C is in use, because it then delivers the signal itself. After
// FD or File it costs one system call unless a goroutine is waiting.
func (n *Notifier) Add(delta uint64) error {
	if n.count.Word().Add(delta) {
		return nil
	}
	fd := n.count.FD()
	if fd == nil || delta == 0 || n.queued.Load() > 0 || n.c.Load() != nil || !fd.Use() {
		return n.add(delta)
	}
	var err error
	if fd.TryAdd(&delta) != 0 {
		err = fd.Add(delta)
	}
	fd.Done()
	if err != nil {
		return n.failed("Add", err)
	}
	return nil
}

// add is the slow path of Add, for a word that is held, full or closed.
func (n *Notifier) add(delta uint64) error {
	for n.count.Word().Addable(delta) {
		if n.count.Word().Add(delta) {
			return nil
		}
	}
	if !n.count.Lock() {
		return n.failed("Add", os.ErrClosed)
	}
	var err error
	if delta > 0 && !n.hand(delta) {
		err = n.count.Add(delta)
		n.settle()
	}
	n.count.Unlock()
	if err != nil {
		return n.failed("Add", err)
	}
	return nil
}

// Count returns the count that is pending, without taking it. A count in C's buffer is not
// pending any more. After FD or File, Count reads /proc; it is meant for observing a
// program rather than for controlling it.
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

// failed says which call failed on which descriptor.
func (n *Notifier) failed(call string, err error) error {
	if errors.Is(err, rawefd.ErrFull) {
		err = ErrOverflow
	}
	if fd := n.count.FD(); fd != nil && fd.Number() >= 0 {
		return fmt.Errorf("notify: %s on descriptor %d: %w", call, fd.Number(), err)
	}
	return fmt.Errorf("notify: %s: %w", call, err)
}
