package semaphore

import "github.com/eventchan/eventchan/internal/doorbell"

// An Acquire that finds no permit, and no queue, polls before it waits if that has been worthwhile: a
// permit that is held for less time than it takes to wake a goroutine is often free again by then.
// Polling is worthwhile if several permits were free when a waiter was woken; with a single permit no
// Acquire polls. See doorbell.Patience.

// A home is the place of a waiter that comes while no other waiter uses it, and what has been learned
// about polling while the Semaphore is private. A shared one polls as its handle does.
type home struct {
	place
	patience doorbell.Patience
}

// poll takes n permits, or returns false if the caller is to wait.
func (s *Semaphore) poll(n int64) (took bool) {
	try := func() bool { return s.pass(n) }
	switch {
	case s.since.Load() != 0:
		return false
	case s.count.Shared():
		took = s.count.Again(try)
	case s.count.FD() == nil:
		took = s.home.patience.Again(try)
	}
	if took {
		s.learn()
	}
	return took
}

// learn is called by a goroutine that has taken a permit, when it polled or when it was woken.
func (s *Semaphore) learn() {
	permits := s.count.Word().Count() + 1
	if s.count.Shared() {
		s.count.Learn(permits)
	} else {
		s.home.patience.Learn(permits)
	}
}
