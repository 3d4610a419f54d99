// Package semaphore provides [Semaphore]: permits that goroutines, C threads
// and other processes draw from one counter.
package semaphore

import (
	"errors"
	"fmt"
	"math"
	"os"
	"sync/atomic"

	"github.com/eventchan/eventchan/internal/counter"
	"github.com/eventchan/eventchan/internal/fifo"
	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/word"
)

// A Semaphore is a counting semaphore that goroutines, C threads and other processes can
// share. Acquire, TryAcquire and Release have the signatures of Weighted in
// golang.org/x/sync/semaphore, which a Semaphore can replace: see [NewWeighted].
// Other holders of the descriptor draw from the same permits: reading 8 bytes takes one,
// and writing k adds k.
//
// The permits of a Semaphore made by [New] are not capped: a Release without an Acquire
// makes a permit, as a producer does for a consumer.
//
// There is an eventfd, in semaphore mode, only once code outside Go needs one. A Semaphore
// made by [New] is private: its permits are a word in Go's memory, and it makes no system
// call. [Semaphore.FD] and [Semaphore.File] move them to an eventfd, for good;
// [Semaphore.Handle] shares the word with the C threads of this process.
//
// All methods can be called by many goroutines concurrently. The zero value is not
// usable. After Close, methods that return an error return one matching [os.ErrClosed];
// the comments of the others say what they do then.
//
// A private Semaphore costs no descriptor, and FD or File costs one. Handle costs none
// of its own: the first Handle of a process opens one eventfd, which stays open, and
// one goroutine serves all handles (on a Unix system without eventfd it opens a pipe).
// All Semaphores and Notifiers with an eventfd and all Watchers share one more goroutine
// and one or two descriptors. These exist only while one of those objects has a waiter
// or a C channel. No thread is ever blocked. See eventfd(2).
type Semaphore struct {
	// What each call reads and few calls write, on one cache line with the first fields of
	// count: see counter.Counter.

	// since is when the time began in which waiters may be overtaken, with two flags, or 0
	// while there are none; see order.go.
	since atomic.Int64
	// A Release without the lock leaves at most limit free permits in the word.
	limit atomic.Uint64
	c     atomic.Pointer[channel]    // nil until C is called
	apart *fifo.Queue[chan struct{}] // waiters for more permits than size, under the lock; see size.go
	// home is a place for the first waiter. There is no pool of others: a channel
	// that was made in a testing/synctest bubble must stay there, so it is New that
	// makes what is used again.
	home *place

	count counter.Counter // of free permits, and the lock of all below; its Tally is how often the first waiter was overtaken

	waiters fifo.Queue[waiter] // first come first served
	size    int64              // negative: none; not changed
	large   int32              // how many of the waiters want several permits
	taking  bool               // the first of them takes its permits in pieces now
	closed  bool               // last has run
	// generation is that of the waiters which come now; see order.go.
	generation uint8
	// slow says whether one read of the eventfd is a whole TryAcquire(1): its
	// low half counts the waiters and the goroutines that are taking several
	// permits, its high half how often any began to take several.
	slow atomic.Uint64
}

// A place is where a waiter stands in the queue.
type place = fifo.Node[waiter]

// A waiter is a call of Acquire that sleeps, or C, which always waits for the
// next permit.
type waiter struct {
	permits    int64
	wake       chan struct{} // with a buffer of one; nil for C
	failed     *failure      // why it gets none, almost never
	granted    atomic.Bool   // it has its permits; read without the lock
	busy       atomic.Bool   // it has not gone yet; cleared without the lock
	woken      bool          // wake is full, or was emptied by a goroutine that now wants the lock
	generation uint8         // see order.go
}

// A failure is an error in as little room as possible.
type failure struct{ error }

// New returns a private Semaphore with the given number of free permits. It makes no
// system call, and works on every system and inside a testing/synctest bubble. It
// returns an error matching [os.ErrInvalid] if permits is negative, and no other error.
//
// In a bubble it has to stay private. After FD, File or Handle, a goroutine that
// serves all objects of the process sends to the channels of this one, and Go ends a
// process in which a goroutine of no bubble uses a channel of a bubble.
func New(permits int64) (*Semaphore, error) {
	if permits < 0 {
		return nil, fmt.Errorf("semaphore: New(%d): permits are negative: %w", permits, os.ErrInvalid)
	}
	return wrap(permits, nil), nil
}

func wrap(permits int64, fd *rawefd.FD) *Semaphore {
	s := &Semaphore{size: -1, home: newPlace()}
	s.limit.Store(word.Full)
	s.count.Init(uint64(permits), true, fd, (*server)(s))
	return s
}

// Release adds n permits and wakes waiters. Releasing 0 does nothing, and so
// does a Release after Close: its permits went with the counter.
//
// Release never blocks. It panics if n is negative, if the counter, whose maximum is
// 1<<64 - 2, cannot hold n more, or if more would be free than the size given to
// [NewWeighted]; then nothing was added. It costs one
// atomic step, or a lock if a waiter has to be woken. After FD or File it costs
// one system call, or none if goroutines wait for all n permits: then they go
// straight there. It allocates nothing, except for the goroutine that may have to
// hold out a permit for C.
func (s *Semaphore) Release(n int64) {
	if n > 0 && s.count.Word().AddUpTo(uint64(n), s.limit.Load()) {
		return
	}
	s.release(n)
}

// release is the slow path of Release.
func (s *Semaphore) release(n int64) {
	check("Release", n)
	if n == 0 {
		return
	}
	var err error
	if fd := s.count.FD(); fd == nil || uint32(s.slow.Load()) > 0 {
		err = s.give(n)
	} else if fd.Use() { // there is no waiter
		if permits := uint64(n); fd.TryAdd(&permits) != 0 {
			err = fd.Add(permits)
		}
		fd.Done()
		if err != nil && !errors.Is(err, rawefd.ErrFull) {
			s.keep(n)
			return
		}
	}
	if err == errPast {
		panic(err.Error())
	}
	if err != nil {
		panic(s.failed(fmt.Sprintf("Release(%d)", n), err).Error())
	}
}

// keep keeps n permits that a failing system call, which Release cannot report, has
// not added. They are added later, or go to a waiter.
func (s *Semaphore) keep(n int64) {
	if s.count.Lock() {
		s.count.Keep(uint64(n))
		s.serve()
		s.count.Unlock()
	}
}

// give adds n permits to the word, or to the eventfd, and serves waiters.
func (s *Semaphore) give(n int64) error {
	for s.count.Word().AddableUpTo(uint64(n), s.limit.Load()) {
		if s.count.Word().AddUpTo(uint64(n), s.limit.Load()) {
			return nil
		}
	}
	if !s.count.Lock() {
		return nil
	}
	defer s.count.Unlock()
	if s.count.FD() != nil {
		return s.hand(n)
	}
	if s.waiters.Len() > 0 && !s.passable() {
		if s.tooMany(n) {
			return errPast
		}
		return s.hand(n)
	}
	if err := s.count.AddUpTo(uint64(n), s.most()); err != nil {
		return s.past(err)
	}
	s.serve()
	return nil
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
// [math.MaxInt64]; the one that C has reserved is not among them. After FD or File
// it reads /proc and is meant for looking at a program rather than for steering
// it.
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

// failed says which call failed on which descriptor.
func (s *Semaphore) failed(call string, err error) error {
	if fd := s.count.FD(); fd != nil && fd.Number() >= 0 {
		return fmt.Errorf("semaphore: %s on descriptor %d: %w", call, fd.Number(), err)
	}
	return fmt.Errorf("semaphore: %s: %w", call, err)
}
