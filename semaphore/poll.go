package semaphore

import "github.com/eventchan/eventchan/internal/ctxdone"

// An Acquire that finds no permit, and no queue, polls before it waits if that has been worthwhile: a
// permit that is held for less time than it takes to wake a goroutine is often free again by then.
// Polling is worthwhile if several permits were free when a waiter was woken; with a single permit no
// Acquire polls. See doorbell.Patience. A shared Semaphore polls as its handle does.

// poll takes n permits, or returns false if the caller is to wait or done is closed.
func (s *Semaphore) poll(done <-chan struct{}, n int64) (took bool) {
	if s.since.Load() != 0 || s.count.FD() != nil {
		return false
	}
	try := func() bool { return !ctxdone.Closed(done) && s.pass(n) }
	if s.count.Shared() {
		took = s.count.Again(try)
	} else if r := s.rare.Load(); r != nil {
		took = r.patience.Again(try)
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
	} else if permits > 1 && s.count.FD() == nil {
		s.makeRare().patience.Learn(permits)
	}
}
