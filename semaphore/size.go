package semaphore

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/eventchan/eventchan/internal/fifo"
	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/word"
)

// Weighted is the name that Semaphore has in golang.org/x/sync/semaphore.
type Weighted = Semaphore

// NewWeighted returns a private Semaphore of size n, all of whose permits are free. It
// is for programs that were written for golang.org/x/sync/semaphore: they change their
// import path and nothing else. NewWeighted panics if n is negative.
//
// The size has two effects, which a Semaphore of [New] lacks:
//
//   - A Release that would bring the free permits past n panics, and adds nothing. The
//     permit that C has reserved counts as free here.
//   - An Acquire of more than n permits waits until its ctx is done, or until Close. No
//     other Acquire waits behind it.
//
// C threads that release through Handle do not know the size: they add without a check,
// because a callback in C cannot panic. A permit too many that comes from C makes a later
// Release of Go panic, when all permits are back. After FD or File others can make
// permits, and the size has no effect any more: then an Acquire of more than n waits
// in the queue like any other.
//
// A Semaphore that is private does not need Close. With C, Handle, FD or File it does.
func NewWeighted(n int64) *Semaphore {
	if n < 0 {
		panic(fmt.Sprintf("semaphore: NewWeighted(%d): negative size", n))
	}
	s := wrap(n, nil)
	s.size = n
	s.limit.Store(min(uint64(n), word.Full))
	return s
}

// errPast is the reason of the panic of a Release past the size, with the text that it
// has in golang.org/x/sync.
var errPast = errors.New("semaphore: released more than held")

// past returns the error of a Release for which the word has no room.
func (s *Semaphore) past(err error) error {
	if s.size >= 0 && errors.Is(err, rawefd.ErrFull) {
		return errPast
	}
	return err
}

// most returns how many permits can be free after a Release while there is no eventfd.
// The caller holds the lock.
func (s *Semaphore) most() uint64 {
	if s.size < 0 {
		return rawefd.MaxCount
	}
	if c := s.c.Load(); c != nil && c.holding && s.size > 0 {
		return uint64(s.size) - 1
	}
	return uint64(s.size)
}

// tooMany reports whether n permits more would be too many. The caller holds the lock.
func (s *Semaphore) tooMany(n int64) bool {
	if s.size < 0 {
		return false
	}
	free, _ := s.count.Count() // there is no eventfd, so that it cannot fail
	most := s.most()
	return free > most || uint64(n) > most-free
}

// reserving is called when C begins to reserve permits. If there is a size, each Release
// takes the lock from now on, and most knows there whether C has a permit. A Release that
// has read the limit already can still overlook the first permit that C reserves. That
// matters only if it is one too many, and then the next one panics. The caller holds the
// lock.
func (s *Semaphore) reserving() {
	if s.size >= 0 {
		s.limit.Store(0)
	}
}

// outwait waits as an Acquire of more permits than the size, apart from the queue so
// that it does not keep others waiting. It returns nil if the size has lost its effect,
// or Close has come.
//
// Each waiter brings a channel of its own, because a channel that was made in a
// testing/synctest bubble cannot be used outside it.
func (s *Semaphore) outwait(ctx context.Context) error {
	if !s.count.Lock() {
		return s.failed("Acquire", os.ErrClosed)
	}
	if s.count.FD() != nil {
		s.count.Unlock()
		return nil
	}
	p := &fifo.Node[chan struct{}]{Value: make(chan struct{})}
	if s.apart == nil {
		s.apart = new(fifo.Queue[chan struct{}])
	}
	s.apart.Push(p)
	s.count.Unlock()
	select {
	case <-p.Value:
	case <-ctx.Done():
	}
	s.count.LockShut()
	s.apart.Remove(p)
	s.count.UnlockShut()
	return ctx.Err()
}

// rejoin wakes the waiters of outwait. The caller holds the lock.
func (s *Semaphore) rejoin() {
	for s.apart != nil && s.apart.Len() > 0 {
		close(s.apart.Pop().Value)
	}
}
