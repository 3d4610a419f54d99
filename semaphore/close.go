package semaphore

import "os"

// Close closes the descriptor. Goroutines in Acquire wake with an error that
// matches [os.ErrClosed], the permit that C holds ready goes back into the
// counter, and C is closed. Free permits stay in the eventfd for others who
// hold it.
//
// Close never waits for a receiver or a Release: a call that another goroutine is
// in the middle of ends as if it had come first, and the descriptor is closed
// when the last such call has ended. A second Close returns an error that matches
// [os.ErrClosed].
func (s *Semaphore) Close() error {
	if !s.fd.Close(s.last) {
		return s.failed("Close", os.ErrClosed)
	}
	s.mu.Lock()
	s.shut = true // nobody receives a permit after Close has returned
	offered := s.offered
	if s.closing != nil {
		close(s.closing)
	}
	s.mu.Unlock()
	if offered != nil {
		<-offered // it ends at once, whether or not anybody receives
	}
	return nil
}

// last wakes everybody. It runs once, when Close has forbidden new calls and the
// last one has ended.
func (s *Semaphore) last() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shut, s.closed = true, true
	s.source.Close()
	for p := s.waiters.First(); p != nil; p = s.waiters.First() {
		s.unqueue(p)
		if p.Value.ready != nil {
			close(p.Value.ready)
		}
	}
	if c := s.c.Load(); c != nil {
		close(*c)
	}
}
