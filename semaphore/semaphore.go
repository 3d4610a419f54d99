// Package semaphore provides [Semaphore], a counting semaphore that goroutines, C threads and
// other processes can share.
package semaphore

import (
	"errors"
	"fmt"
	"math"
	"os"
	"sync/atomic"

	"github.com/eventchan/eventchan/internal/counter"
	"github.com/eventchan/eventchan/internal/doorbell"
	"github.com/eventchan/eventchan/internal/fifo"
	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/word"
)

// A Semaphore is a counting semaphore that goroutines, C threads and other processes can
// share. Acquire, TryAcquire and Release have the signatures of Weighted in
// golang.org/x/sync/semaphore, which a Semaphore can replace: see [NewWeighted].
//
// A Semaphore is in one of these states:
//
//   - private, after [New] or [NewWeighted]: the permits are a number in Go's memory. It makes
//     no system call and uses no descriptor.
//   - shared, after [Semaphore.Handle]: C threads of this process can release permits as well.
//   - exported, after [Semaphore.FD], [Semaphore.File], [FromFD] or [FromProcess]: the permits
//     are in an eventfd in semaphore mode, and stay there. Every holder of its descriptor
//     shares them: reading 8 bytes takes one permit, and writing k adds k. An exported
//     Semaphore can be shared as well.
//
// The number of permits of a Semaphore made by [New] is not limited: a Release without an
// Acquire makes a permit, as a producer does for a consumer.
//
// All methods are safe for concurrent use. The zero value is not usable. After Close, methods
// that return an error return one matching [os.ErrClosed]; the comments of the others say what
// they do then.
//
// An exported Semaphore uses one descriptor of its own. Handle uses none of its own: the first
// Handle of a process opens one eventfd (a pipe on a Unix system without eventfd), which stays
// open, and one goroutine serves all handles. All exported Semaphores and Notifiers share one
// more goroutine and one descriptor from the time when one of them first has a waiter or a C
// channel; at the latest, both are gone when all of them are closed. A goroutine that waits again and
// again with the same context that is not from package context can add one goroutine for each object,
// until that context is done or the object is closed. No thread is blocked, except as Release
// describes. See eventfd(2).
type Semaphore struct {
	// What each call reads and few calls write, on one cache line with the first fields of
	// count: see counter.Counter.

	// since is the time at which the current window, or the handing over after it, began, with
	// two flags. Without waiters it is 0; see order.go.
	since atomic.Int64
	// limit is the largest number of free permits that a Release without the lock can leave.
	limit atomic.Uint64
	c     atomic.Pointer[channel] // nil until C is called
	rare  atomic.Pointer[rare]    // nil until it is needed
	// home is the place of a waiter that comes while no other waiter uses it. Other places are
	// not reused: a channel that was made in a testing/synctest bubble must stay in that bubble,
	// so only New can make a channel for reuse. A private Semaphore of NewWeighted reuses none.
	home *place

	// count is the number of free permits. Its lock guards the fields below, and its Tally
	// counts how often waiters were overtaken.
	count counter.Counter

	waiters fifo.Queue[waiter] // in FIFO order
	size    int64              // negative if there is none; constant
	large   int32              // number of waiters that need several permits
	closed  bool               // set by last, which runs when Close has begun and the calls in progress have ended
	// generation is the one that new waiters belong to; see order.go.
	generation uint8
	// slow says whether one read of the eventfd is a complete TryAcquire(1), which is so if the
	// low half is 0. The low half counts the waiters and the goroutines that are taking several
	// permits; the high half counts how often a goroutine began to take several.
	slow atomic.Uint64
}

// A rare has what few Semaphores need.
type rare struct {
	apart    fifo.Queue[chan struct{}] // waiters for more permits than size, under the lock; see size.go
	patience doorbell.Patience         // of a private Semaphore; see poll.go
}

// makeRare returns s.rare, and makes it the first time.
func (s *Semaphore) makeRare() *rare {
	if r := s.rare.Load(); r != nil {
		return r
	}
	s.rare.CompareAndSwap(nil, new(rare))
	return s.rare.Load()
}

// A place is a node of the queue, with the waiter that stands there.
type place = fifo.Node[waiter]

// A waiter is a blocked Acquire, or C, which always waits for the next permit.
type waiter struct {
	permits    int64       // what it needs; while taking, what it still lacks
	wake       wake        // with a buffer of one; nil for C
	failed     *failure    // the reason why it gets no permits; almost always nil
	granted    atomic.Bool // the waiter owns its permits; read without the lock
	busy       atomic.Bool // a goroutine is still using this place; cleared without the lock
	woken      bool        // wake is full, or was emptied by a goroutine that now wants the lock
	leads      bool        // the waiter leads; see lead.go
	generation uint8       // see order.go
	taking     bool        // the waiter is taking its permits in pieces; see many.go
	hopeful    bool        // enough permits for its pieces were free when it was woken
	retreats   uint8       // how often it has not got them; with retreating: it waits for a while
	lacks      uint16      // how many of several permits of an eventfd it lacks, if not 0; see stillLacks
}

// A failure is an error in as little room as possible.
type failure struct{ error }

// New returns a private Semaphore with the given number of free permits. It makes no system
// call, and works on every system and inside a testing/synctest bubble. It returns an error
// matching [os.ErrInvalid] if permits is negative, and no other error.
//
// For use in a bubble, make the Semaphore there: a goroutine that waits for one made outside is
// not durably blocked. In a bubble the Semaphore has to stay private. After FD, File or Handle, a
// goroutine that serves all objects of the process sends to the Semaphore's channels, and the Go
// runtime ends a process in which a goroutine outside a bubble uses a channel of the bubble.
func New(permits int64) (*Semaphore, error) {
	if permits < 0 {
		return nil, fmt.Errorf("semaphore: New(%d): negative number of permits: %w", permits, os.ErrInvalid)
	}
	return wrap(permits, -1, nil), nil
}

func wrap(permits, size int64, fd *rawefd.FD) *Semaphore {
	s := &Semaphore{size: size, home: new(place)}
	if size < 0 {
		s.home.Value.wake = make(wake, 1)
	}
	s.limit.Store(min(uint64(size), word.Full))
	s.count.Init(uint64(permits), true, fd, (*server)(s))
	return s
}

// Release adds n permits and wakes waiters. Release(0) does nothing, and after Close Release
// has no effect. Release does not block, with one exception: if another holder of the eventfd
// has cleared O_NONBLOCK and filled the counter, the call blocks its thread until there is
// room, or until Close. Beside one call for each Notifier and Semaphore at most 32 calls of the
// process block; others panic.
//
// Release panics, and adds nothing, in three cases:
//
//   - n is negative;
//   - the counter, whose maximum is 1<<64 - 2, has no room for n more permits;
//   - the Semaphore is from [NewWeighted], and more permits than its size would be free.
//
// It costs one atomic operation, or one lock acquisition if a waiter has to be woken. After FD
// or File it costs one system call, or none if waiting goroutines get all n permits; two or three if
// they do not, or if the descriptor came to [FromFD] without O_NONBLOCK. For waiters that need several
// permits, of which others were free before, it also takes these: up to 1,024, with a system call for
// each. It also reads /proc, which allocates, if a goroutine waits for several permits and might lack
// none any more, or if n is more than 1 and the descriptor came without O_NONBLOCK. Otherwise it does
// not allocate, except that it can start the goroutine that offers a permit on C.
func (s *Semaphore) Release(n int64) {
	if n > 0 && s.count.Word().AddUpTo(uint64(n), s.limit.Load()) {
		return
	}
	s.release(n)
}

// release is the slow path of Release. It has a small frame: in a crowd of new goroutines each would
// otherwise have to grow its stack in its first Release, one after another.
func (s *Semaphore) release(n int64) {
	check("Release", n)
	if n == 0 {
		return
	}
	if fd := s.count.FD(); fd == nil || fd.Blocking() || uint32(s.slow.Load()) > 0 || !s.write(fd, n) {
		if ended, err := s.give(n); err != nil {
			s.overflow(n, ended, err)
		}
	}
}

// write adds n permits to the eventfd, which is all that is needed without waiters. It returns false, and
// has added nothing, if give has to do it: the write must not block.
func (s *Semaphore) write(fd *rawefd.FD, n int64) bool {
	if !fd.Use() {
		return true // after Close, where Release has no effect
	}
	permits := uint64(n)
	var err error
	if !fd.Alone() || fd.TryAdd(&permits) != 0 {
		err = fd.Add(permits)
	}
	if err != nil && err != rawefd.ErrCrowded && !errors.Is(err, rawefd.ErrFull) {
		s.keep(n)
		err = nil
	}
	fd.Done()
	if err != nil && err != rawefd.ErrCrowded {
		s.overflow(n, nil, err)
	}
	return err == nil
}

// overflow is a Release for which there is no room, unless the room was for a permit of C that has
// been received: see unsent.
func (s *Semaphore) overflow(n int64, ended <-chan struct{}, err error) {
	switch {
	case err != errPast:
		panic(s.failed(fmt.Sprintf("Release(%d)", n), err).Error())
	case s.unsent(ended):
		panic(err.Error())
	}
	s.release(n)
}

// keep stores n permits that could not be added because a system call failed, which Release
// has no way to report. They are added later, or handed to a waiter. The caller is between Use
// and Done, so that even after Close the last call in progress adds them.
func (s *Semaphore) keep(n int64) {
	s.count.LockShut()
	defer s.count.UnlockShut()
	s.count.Keep(uint64(n))
	if s.count.Open() {
		s.serve()
	}
}

// give adds n permits to the state word or the eventfd, and serves waiters. It can fail with errPast
// because of a permit that C had reserved and that has been received; ended is for unsent.
func (s *Semaphore) give(n int64) (ended <-chan struct{}, err error) {
	for s.count.Word().AddableUpTo(uint64(n), s.limit.Load()) {
		if s.count.Word().AddUpTo(uint64(n), s.limit.Load()) {
			return nil, nil
		}
	}
	if !s.count.Lock() {
		return nil, nil
	}
	defer s.count.Unlock()
	if c := s.c.Load(); c != nil && c.holding {
		ended = c.offered
	}
	if s.waiters.Len() > 0 {
		s.count.NotAlike()
	}
	if s.count.FD() != nil {
		return nil, s.hand(n)
	}
	if s.waiters.Len() > 0 && !s.passable() {
		if s.tooMany(n) {
			return ended, s.past(rawefd.ErrFull)
		}
		return nil, s.hand(n)
	}
	if err := s.count.AddUpTo(uint64(n), s.most()); err != nil {
		return ended, s.past(err)
	}
	s.serve()
	return nil, nil
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

// Count returns the number of permits that are free now, at most [math.MaxInt64]. It does not
// include the permit that C has reserved. It is meant for debugging and monitoring, not for
// synchronization: after FD or File it reads /proc. If that fails, Count returns the error, and
// where the system does not show the count (gVisor), one matching [errors.ErrUnsupported]. After
// Close it returns an error matching [os.ErrClosed].
func (s *Semaphore) Count() (int64, error) {
	if !s.count.Lock() {
		return 0, s.failed("Count", os.ErrClosed)
	}
	defer s.count.Unlock()
	count, err := s.count.Count()
	if err != nil {
		return 0, s.failed("Count", err)
	}
	return int64(min(count, math.MaxInt64)), nil
}

// failed returns err with the package, the call and the descriptor, if there is one.
func (s *Semaphore) failed(call string, err error) error {
	if fd := s.count.FD(); fd != nil {
		if num := fd.Number(); num >= 0 { // beside Close it can become negative
			return fmt.Errorf("semaphore: %s on descriptor %d: %w", call, num, err)
		}
	}
	return fmt.Errorf("semaphore: %s: %w", call, err)
}
