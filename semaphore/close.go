package semaphore

import "os"

// Close closes the Semaphore and its descriptor, if it has one. Goroutines that are waiting in
// Acquire wake up with an error matching [os.ErrClosed], and C is closed. The permit that C
// has reserved is put back, and so are the permits of an Acquire that has taken only some of
// those it needs. Free permits stay in the eventfd for its other holders. A later release of a
// C thread through Handle has no effect.
//
// Close does not wait for a receiver, an Acquire or a Release. Calls in progress in other
// goroutines complete as if they had happened before Close, and the descriptor is closed when
// the last of them returns. A second Close returns an error matching [os.ErrClosed].
func (s *Semaphore) Close() error {
	if !s.count.Lock() {
		return s.failed("Close", os.ErrClosed)
	}
	fd := s.count.Shut() // no waiter is granted a permit after this
	s.count.Unlock()
	if c := s.c.Load(); c != nil {
		close(c.closing)
		if c.offered != nil {
			<-c.offered // it ends without a receiver
		}
	}
	if fd == nil {
		s.last()
	} else {
		fd.Close(s.last)
	}
	return nil
}

// last wakes all waiters and closes C. It runs once, when Close has forbidden new calls and
// the last call in progress has ended.
func (s *Semaphore) last() {
	s.count.LockShut()
	defer s.count.UnlockShut()
	s.count.End()
	s.count.Leave()
	s.closed = true
	s.rejoin()
	for p := s.waiters.First(); p != nil; p = s.waiters.First() {
		s.unqueue(p)
		if p.Value.wake != nil {
			s.rouse(p)
		}
	}
	if c := s.c.Load(); c != nil {
		close(c.permits)
	}
}
