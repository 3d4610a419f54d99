package semaphore

import (
	"errors"
	"fmt"
	"os"

	"github.com/eventchan/eventchan/internal/ctxdone"
	"github.com/eventchan/eventchan/internal/fifo"
	"github.com/eventchan/eventchan/internal/rawefd"
)

// Weighted is the name that Semaphore has in golang.org/x/sync/semaphore.
type Weighted = Semaphore

// NewWeighted returns a private Semaphore of size n with n free permits. It is for programs
// that were written for golang.org/x/sync/semaphore: they need to change only their import
// path. NewWeighted panics if n is negative.
//
// As with that package, each wait allocates a channel while the Semaphore is private, so a goroutine
// that waits in a testing/synctest bubble is durably blocked even if the Semaphore was made outside.
// With [New] it is durably blocked only if the Semaphore was made in the bubble.
//
// The size has two effects, which a Semaphore made by [New] lacks:
//
//   - A Release that would bring the number of free permits above n panics, and adds nothing.
//     The permit that C has reserved counts as free here. Permits that an Acquire whose ctx has just
//     ended is putting back do not, so a Release of too many can succeed, and a later one panics.
//   - An Acquire of more than n permits waits until its ctx is done, or until Close. Others do
//     not wait behind it.
//
// C threads that release through Handle do not check the size, because C code cannot panic. If
// they release too many permits, an Acquire of more than n can succeed, and the Release in Go that
// would then bring the number of free permits above n panics. After FD or File other processes can
// make permits, and the size no longer has an effect: an Acquire of more than n then waits in the
// queue like any other.
//
// A private Semaphore does not need Close, unless C was called. A shared or exported one does.
func NewWeighted(n int64) *Semaphore {
	if n < 0 {
		panic(fmt.Sprintf("semaphore: NewWeighted(%d): negative size", n))
	}
	return wrap(n, n, nil)
}

// errPast is the reason for which a Release past the size panics. It has the text of
// golang.org/x/sync.
var errPast = errors.New("semaphore: released more than held")

// past returns the error of a Release for which the count has no room: errPast if there is a
// size.
func (s *Semaphore) past(err error) error {
	if s.size >= 0 && errors.Is(err, rawefd.ErrFull) {
		return errPast
	}
	return err
}

// most returns how many permits can be free after a Release, if the Semaphore is not exported.
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

// tooMany reports whether n more permits would be too many. The caller holds the lock.
func (s *Semaphore) tooMany(n int64) bool {
	free, _ := s.count.Count() // it cannot fail, because the Semaphore is not exported
	most := s.most()
	return free > most || uint64(n) > most-free
}

// reserving is called when C begins to reserve permits. If there is a size, each Release takes
// the lock from now on, because only there most knows whether C has reserved a permit. A
// Release that has already read the limit can still overlook the first permit that C reserves.
// That matters only if it releases one permit too many, in which case the next Release panics.
// The caller holds the lock.
func (s *Semaphore) reserving() {
	if s.size >= 0 {
		s.limit.Store(0)
	}
}

// unsent reports whether the permit that C had reserved when a Release was past the size is still
// there, so that the Release is wrong. A receiver can have it already, although hold, which closes
// ended then, has not run since. The Release waits for hold to run, which does not depend on
// anything else. If hold has reserved no permit, ended is nil.
//
// A later hold can answer in place of this one, which has ended then although ended is not closed
// yet. The Release is tried again in that case.
func (s *Semaphore) unsent(ended <-chan struct{}) bool {
	if ended == nil {
		return true
	}
	select {
	case s.c.Load().unsent <- struct{}{}:
	case <-ended:
	}
	s.count.LockShut()
	defer s.count.UnlockShut()
	select {
	case <-ended:
		return false
	default:
		return s.c.Load().offered == ended
	}
}

// outwait waits for an Acquire of more permits than the size. It waits apart from the queue, so
// that others do not wait behind it. It returns nil when the size has lost its effect, or after
// Close, and errEnded if the ctx with the Done channel done is done.
//
// Each waiter brings a channel of its own, because a channel that was made in a
// testing/synctest bubble must not be used outside it.
func (s *Semaphore) outwait(done <-chan struct{}) error {
	if !s.count.Lock() {
		return s.failed("Acquire", os.ErrClosed)
	}
	if s.count.FD() != nil {
		s.count.Unlock()
		return nil
	}
	p := &fifo.Node[chan struct{}]{Value: make(chan struct{})}
	apart := &s.makeRare().apart
	apart.Push(p)
	s.count.Unlock()
	select {
	case <-p.Value:
	case <-done:
	}
	s.count.LockShut()
	apart.Remove(p)
	s.count.UnlockShut()
	if ctxdone.Closed(done) {
		return errEnded
	}
	return nil
}

// rejoin wakes the waiters of outwait, which then go on in the queue or find that the Semaphore
// is closed. The caller holds the lock.
func (s *Semaphore) rejoin() {
	for r := s.rare.Load(); r != nil && r.apart.Len() > 0; {
		close(r.apart.Pop().Value)
	}
}
