// Package semaphore provides [Semaphore]: permits that goroutines, C threads
// and other processes draw from one counter.
package semaphore

import (
	"errors"
	"fmt"
	"math"
	"os"
	"sync"
	"sync/atomic"

	"github.com/eventchan/eventchan/internal/fifo"
	"github.com/eventchan/eventchan/internal/poller"
	"github.com/eventchan/eventchan/internal/rawefd"
)

// A Semaphore is a number of permits: an eventfd in semaphore mode. Acquire,
// TryAcquire and Release have the signatures of Weighted in
// golang.org/x/sync/semaphore, which a Semaphore can replace. Whoever else holds
// the descriptor draws from the same permits: who reads 8 bytes takes one, who
// writes k adds k.
//
// Permits are not capped: a Release without an Acquire makes a permit, as a
// producer does for a consumer.
//
// All methods may be called by many goroutines at once. The zero value is not
// usable. After Close they return an error that matches [os.ErrClosed], or say
// so as their comment tells.
//
// A Semaphore costs one descriptor. All Notifiers, Semaphores and Watchers
// together cost one goroutine and one more descriptor or two, and these only
// while somebody waits for one of them or has called C; no thread is ever
// blocked. See eventfd(2).
type Semaphore struct {
	fd *rawefd.FD

	mu      sync.Mutex
	source  poller.Source
	waiters fifo.Queue[waiter] // first come first served
	shut    bool               // Close has been called: grant nothing more
	closed  bool               // last has run

	c       atomic.Pointer[chan struct{}] // nil until C is called
	closing chan struct{}                 // made with c, closed by Close
	offered chan struct{}                 // closed when the latest offer has ended

	// slow tells whether one read of the counter is a whole TryAcquire(1): its
	// low half counts the waiters and the goroutines that are taking several
	// permits, its high half how often any began to take several.
	slow atomic.Uint64
}

// A place is where a waiter stands in the queue.
type place = fifo.Node[waiter]

// A waiter is a call of Acquire that sleeps, or C, which always waits for the
// next permit.
type waiter struct {
	permits int64
	ready   chan struct{} // closed when granted or given up; nil for C
	granted bool          // with a use of fd; written before ready is closed
}

// New returns a Semaphore with the given number of free permits. Its descriptor
// is close-on-exec and non-blocking. An error matches [os.ErrInvalid] if permits
// is negative; otherwise it wraps that of the system call, an
// [*os.SyscallError] such as EMFILE; where there is no eventfd it matches
// [errors.ErrUnsupported].
func New(permits int64) (*Semaphore, error) {
	if permits < 0 {
		return nil, fmt.Errorf("semaphore: New(%d): permits are negative: %w", permits, os.ErrInvalid)
	}
	fd, err := rawefd.New(uint64(permits), true)
	if err != nil {
		return nil, fmt.Errorf("semaphore: New: %w", err)
	}
	return wrap(fd), nil
}

// FromFD returns a Semaphore that owns the eventfd fd, which was created here or
// came from C or another process, and makes it close-on-exec. O_NONBLOCK stays
// as it is, since all who share the eventfd share that flag.
//
// An error leaves fd to the caller, untouched. It matches [os.ErrInvalid] if fd
// is no eventfd in semaphore mode (where the kernel tells the mode: since Linux
// 6.5) or no possible descriptor number, and EBADF if it is not open. FromFD
// needs /proc to find out.
func FromFD(fd int) (*Semaphore, error) {
	own, err := rawefd.Adopt(fd, true)
	if err != nil {
		return nil, fmt.Errorf("semaphore: FromFD of descriptor %d: %w", fd, err)
	}
	return wrap(own), nil
}

// FromProcess returns a Semaphore on descriptor fd of process pid, which must be
// an eventfd in semaphore mode. Both processes then share the permits. It takes
// the right to ptrace that process: see pidfd_getfd(2), Linux 5.6.
//
// An error matches ESRCH if there is no such process, EBADF if it has no such
// descriptor, [os.ErrPermission] if it may not be looked into, and otherwise
// what [FromFD] says.
func FromProcess(pid, fd int) (*Semaphore, error) {
	own, err := rawefd.FromProcess(pid, fd, true)
	if err != nil {
		return nil, fmt.Errorf("semaphore: FromProcess of descriptor %d of process %d: %w", fd, pid, err)
	}
	return wrap(own), nil
}

func wrap(fd *rawefd.FD) *Semaphore {
	s := &Semaphore{fd: fd}
	s.source = poller.NewSource(fd.Number(), s.ready)
	return s
}

// Release adds n permits and wakes waiters. Releasing 0 does nothing, and so
// does a Release after Close: its permits went with the counter.
//
// Release never blocks. It panics if n is negative or if the counter, whose
// maximum is 1<<64 - 2, cannot hold n more; then nothing was added. It costs one
// system call, or none if goroutines wait for all n permits: then they go straight
// there. It allocates nothing, except for the goroutine that may have to hold out
// a permit for C.
func (s *Semaphore) Release(n int64) {
	check("Release", n)
	if n == 0 || !s.fd.Use() {
		return
	}
	var err error
	if permits := uint64(n); uint32(s.slow.Load()) != 0 {
		err = s.hand(n)
	} else if s.fd.TryAdd(&permits) != 0 {
		err = s.fd.Add(permits)
	}
	s.fd.Done()
	if err != nil {
		panic(s.failed(fmt.Sprintf("Release(%d)", n), err).Error())
	}
}

// check panics if n is negative.
func check(call string, n int64) {
	if n < 0 {
		panicNegative(call, n)
	}
}

func panicNegative(call string, n int64) {
	panic(fmt.Sprintf("semaphore: %s(%d): negative number of permits", call, n))
}

// Count returns the number of permits that are free now, at most
// [math.MaxInt64]; the one that C holds ready is not among them. It reads /proc
// and is meant for looking at a program rather than for steering it.
func (s *Semaphore) Count() (int64, error) {
	if !s.fd.Use() {
		return 0, s.failed("Count", os.ErrClosed)
	}
	defer s.fd.Done()
	count, err := s.fd.Count()
	if err != nil {
		return 0, s.failed("Count", err)
	}
	return int64(min(count, math.MaxInt64)), nil
}

// FD returns the number of the eventfd's descriptor, or -1 after Close. Who
// reads 8 bytes from it takes a permit and who writes a native uint64 to it adds
// permits: C code, or a process that inherits it. It is non-blocking, so poll(2)
// to wait for a permit. It stays the Semaphore's own: do not close it, and do not
// use it after Close, when the number may be another file's.
func (s *Semaphore) FD() int {
	return s.fd.Number()
}

// File returns a duplicate of the descriptor, which the caller closes. It is
// for [os/exec.Cmd.ExtraFiles], for SCM_RIGHTS, and for whoever else needs a
// descriptor that outlives the Semaphore. Close it once it is handed over: as a
// non-blocking [os.File] it is watched by Go's runtime, which each Release wakes.
func (s *Semaphore) File() (*os.File, error) {
	if !s.fd.Use() {
		return nil, s.failed("File", os.ErrClosed)
	}
	defer s.fd.Done()
	file, err := s.fd.Dup()
	if err != nil {
		return nil, s.failed("File", err)
	}
	return file, nil
}

// failed says which call failed on which descriptor.
func (s *Semaphore) failed(call string, err error) error {
	if errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("semaphore: %s: %w", call, err)
	}
	return fmt.Errorf("semaphore: %s on descriptor %d: %w", call, s.fd.Number(), err)
}
