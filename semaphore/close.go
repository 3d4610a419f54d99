package semaphore

import "os"

// Close ends the Semaphore and closes its descriptor, if it has one. Goroutines that
// are waiting in Acquire wake up with an error matching [os.ErrClosed]. C is closed, and
// the permit that it has reserved is put back, as are those that an Acquire has taken of
// a number that is not complete. Free permits stay in the eventfd for its other holders.
// A C thread that releases through Handle from now on does nothing.
//
// Close does not wait for a receiver, an Acquire or a Release: a call that another
// goroutine is in the middle of ends as if it had come first, and the descriptor is
// closed when the last such call has ended. A second Close returns an error matching
// [os.ErrClosed].
func (s *Semaphore) Close() error {
	fd, first := s.count.Shut() // no waiter is granted a permit after this
	if !first {
		return s.failed("Close", os.ErrClosed)
	}
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

// last wakes everybody. It runs once, when Close has forbidden new calls and the
// last one has ended.
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
			p.Value.rouse()
		}
	}
	if c := s.c.Load(); c != nil {
		close(c.permits)
	}
}
