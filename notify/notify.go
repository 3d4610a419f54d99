// Package notify provides [Notifier]: a count of signals that goroutines wait
// for and that anything on the machine can add to.
package notify

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"github.com/eventchan/eventchan/internal/fifo"
	"github.com/eventchan/eventchan/internal/poller"
	"github.com/eventchan/eventchan/internal/rawefd"
)

// MaxCount is the largest count that [Notifier.Add] can make. The kernel itself
// can bring a counter to MaxCount+1, which is delivered like any other count.
const MaxCount = 1<<64 - 2

// ErrOverflow is matched by the error of an Add that would have brought the
// count past [MaxCount]. Nothing was added.
var ErrOverflow = errors.New("the count would pass its maximum")

// A Notifier is a count of signals: an eventfd in counting mode. Goroutines,
// C threads, other processes and the kernel add to it; a goroutine that waits
// takes the whole count, which goes back to 0. Several signals may so arrive
// as one receive, but n signals are never fewer than n: the sum of what Wait,
// TryWait and C deliver is the sum of what was added.
//
// All methods may be called by many goroutines at once. The zero value is not
// usable. After Close they return an error that matches [os.ErrClosed], or say
// so as their comment tells.
//
// A Notifier costs one descriptor. All Notifiers, Semaphores and Watchers
// together cost one goroutine and one more descriptor or two, and these only
// while somebody waits for one of them or has called C; no thread is ever
// blocked. See eventfd(2).
type Notifier struct {
	fd *rawefd.FD

	mu      sync.Mutex
	source  poller.Source
	waiters fifo.Queue[result] // first come first served
	closed  bool               // last has run

	// c is nil until C is called. While no goroutine spills (see channel.go) it
	// is sent to and closed under mu alone, so a send to the empty buffer never
	// blocks.
	c        atomic.Pointer[chan uint64]
	spilling bool
	rest     uint64 // what last leaves to the spilling goroutine

	// queued is the length of waiters, for TryWait to read without mu.
	queued atomic.Int32
	// spare is the place of a waiter that has gone, for the next to use.
	spare atomic.Pointer[place]
}

// A place is where a call of Wait sleeps. Its channel, with a buffer of one, gets
// the count that it waits for, or 0 if there will be none.
type (
	place  = fifo.Node[result]
	result chan uint64
)

// New returns a Notifier with count 0. Its descriptor is close-on-exec and
// non-blocking. An error wraps that of the system call, an [*os.SyscallError]
// such as EMFILE; where there is no eventfd it matches [errors.ErrUnsupported].
func New() (*Notifier, error) {
	fd, err := rawefd.New(0, false)
	if err != nil {
		return nil, fmt.Errorf("notify: New: %w", err)
	}
	return wrap(fd), nil
}

// FromFD returns a Notifier that owns the eventfd fd, which was created here or
// came from C or another process, and makes it close-on-exec. O_NONBLOCK stays
// as it is, since all who share the eventfd share that flag.
//
// An error leaves fd to the caller, untouched. It matches [os.ErrInvalid] if fd
// is no eventfd in counting mode (where the kernel tells the mode: since Linux
// 6.5) or no possible descriptor number, and EBADF if it is not open. FromFD
// needs /proc to find out.
func FromFD(fd int) (*Notifier, error) {
	own, err := rawefd.Adopt(fd, false)
	if err != nil {
		return nil, fmt.Errorf("notify: FromFD of descriptor %d: %w", fd, err)
	}
	return wrap(own), nil
}

// FromProcess returns a Notifier on descriptor fd of process pid, which must be
// an eventfd in counting mode. Both processes then share the count. It takes
// the right to ptrace that process: see pidfd_getfd(2), Linux 5.6.
//
// An error matches ESRCH if there is no such process, EBADF if it has no such
// descriptor, [os.ErrPermission] if it may not be looked into, and otherwise
// what [FromFD] says.
func FromProcess(pid, fd int) (*Notifier, error) {
	own, err := rawefd.FromProcess(pid, fd, false)
	if err != nil {
		return nil, fmt.Errorf("notify: FromProcess of descriptor %d of process %d: %w", fd, pid, err)
	}
	return wrap(own), nil
}

func wrap(fd *rawefd.FD) *Notifier {
	n := &Notifier{fd: fd}
	n.source = poller.NewSource(fd.Number(), n.ready)
	return n
}

// Notify adds 1 to the count; it is Add(1).
func (n *Notifier) Notify() error {
	return n.Add(1)
}

// Add adds delta to the count and wakes a waiter. Adding 0 does nothing.
//
// Add never blocks. If the count would pass [MaxCount] it returns an error that
// matches [ErrOverflow], and nothing was added. What Add has returned nil for is
// delivered even if Close runs at the same time. It allocates nothing, and costs
// one system call, or none if a goroutine waits already or C is in use: then the
// signal goes straight there.
func (n *Notifier) Add(delta uint64) error {
	if !n.fd.Use() {
		return n.failed("Add", os.ErrClosed)
	}
	if (n.queued.Load() > 0 || n.c.Load() != nil) && n.hand(delta) {
		n.fd.Done()
		return nil
	}
	var err error
	if delta > 0 && n.fd.TryAdd(&delta) != 0 {
		err = n.fd.Add(delta)
	}
	n.fd.Done()
	if err != nil {
		return n.failed("Add", err)
	}
	return nil
}

// Count returns the count that is pending in the kernel, without taking it. A
// count that C has in its buffer is no longer pending. It reads /proc and is
// meant for looking at a program rather than for steering it.
func (n *Notifier) Count() (uint64, error) {
	if !n.fd.Use() {
		return 0, n.failed("Count", os.ErrClosed)
	}
	defer n.fd.Done()
	count, err := n.fd.Count()
	if err != nil {
		return 0, n.failed("Count", err)
	}
	return count, nil
}

// FD returns the number of the eventfd's descriptor, or -1 after Close. Who
// writes a native uint64 to it, 8 bytes, adds to the count: C code, the kernel,
// or a process that inherits it. Who reads it takes the count, and must poll(2)
// first to wait, since it is non-blocking. It stays the Notifier's own: do not
// close it, and do not use it after Close, when the number may be another file's.
func (n *Notifier) FD() int {
	return n.fd.Number()
}

// File returns a duplicate of the descriptor, which the caller closes. It is
// for [os/exec.Cmd.ExtraFiles], for SCM_RIGHTS, and for whoever else needs a
// descriptor that outlives the Notifier. Close it once it is handed over: as a
// non-blocking [os.File] it is watched by Go's runtime, which each signal wakes.
func (n *Notifier) File() (*os.File, error) {
	if !n.fd.Use() {
		return nil, n.failed("File", os.ErrClosed)
	}
	defer n.fd.Done()
	file, err := n.fd.Dup()
	if err != nil {
		return nil, n.failed("File", err)
	}
	return file, nil
}

// failed says which call failed on which descriptor.
func (n *Notifier) failed(call string, err error) error {
	if errors.Is(err, rawefd.ErrFull) {
		err = ErrOverflow
	}
	if fd := n.fd.Number(); fd >= 0 {
		return fmt.Errorf("notify: %s on descriptor %d: %w", call, fd, err)
	}
	return fmt.Errorf("notify: %s: %w", call, err)
}
