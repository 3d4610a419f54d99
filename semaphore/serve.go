package semaphore

// ready serves the waiters. The poller calls it after each Release while the
// source is armed.
func (s *Semaphore) ready() {
	if !s.fd.Use() {
		return
	}
	defer s.fd.Done() // after mu is released: it may call last
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiters.Len() == 0 {
		s.source.Disarm()
		return
	}
	s.source.MustArm() // which it is, unless C could not arm it
	s.serve()
}

// serve grants permits to waiters, first come first served, until there are too
// few for the first. The caller holds mu and a use of fd.
func (s *Semaphore) serve() {
	for !s.shut {
		p := s.waiters.First()
		if p == nil || !s.enough(p) || !s.take(p.Value.permits) {
			return
		}
		s.unqueue(p)
		s.grant(p)
	}
}

// hand grants permits that are not in the counter, first come first served, and
// adds to the counter what is left over, which may be what the next waiter
// lacks. That fails only if others have filled the counter up while goroutines
// of ours waited for a permit. The caller holds a use of fd.
func (s *Semaphore) hand(n int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.shut {
		p := s.waiters.First()
		if p == nil || p.Value.permits > n {
			break
		}
		n -= p.Value.permits
		s.unqueue(p)
		s.grant(p)
	}
	if n > 0 {
		if err := s.fd.Add(uint64(n)); err != nil {
			return err
		}
	}
	s.serve() // also if n is 0: what was too little for the first may do for the next
	return nil
}

// grant gives a waiter the permits that were taken for it.
func (s *Semaphore) grant(p *place) {
	w := &p.Value
	if w.ready == nil {
		s.offer(p)
		return
	}
	// The use lets Acquire give the permits back though Close has been called.
	if w.granted = s.fd.Use(); !w.granted {
		s.putBack(w.permits)
	}
	close(w.ready)
}

// enough reports whether it is worth trying to take what a waiter needs. To try
// and put back would be an event for everybody who waits, here and in other
// processes, who would then try in their turn: all would spin.
func (s *Semaphore) enough(p *place) bool {
	if p.Value.permits == 1 {
		return true
	}
	count, err := s.fd.Count()
	return err == nil && count >= uint64(p.Value.permits)
}

// look serves if the waiter is the first. It is called at a slow pace, so where
// /proc does not tell the count it may try without knowing.
func (s *Semaphore) look(p *place) {
	if !s.fd.Use() {
		return
	}
	defer s.fd.Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shut || s.waiters.First() != p {
		return
	}
	if _, err := s.fd.Count(); err != nil && s.take(p.Value.permits) {
		s.unqueue(p)
		s.grant(p)
	}
	s.serve()
}

// take takes n permits or none. The caller holds mu, so that two goroutines do
// not each hold a part of what both want, and a use of fd.
func (s *Semaphore) take(n int64) bool {
	if n == 1 {
		return s.takeOne()
	}
	s.slow.Add(1<<32 + 1)
	defer s.slow.Add(^uint64(0))
	for taken := int64(0); taken < n; taken++ {
		if !s.takeOne() {
			s.putBack(taken)
			return false
		}
	}
	return true
}

func (s *Semaphore) takeOne() bool {
	n, err := s.fd.Take()
	return err == nil && n == 1
}

// putBack returns permits to the counter. It fails only if others have filled
// the counter up meanwhile, and who has 2^64 permits will not miss these.
func (s *Semaphore) putBack(n int64) {
	if n > 0 {
		s.fd.Add(uint64(n))
	}
}

// queue puts a waiter at the end of the queue. The caller holds mu.
func (s *Semaphore) queue(p *place) {
	s.slow.Add(1)
	s.waiters.Push(p)
}

// unqueue takes a waiter out of the queue and reports whether it was there. The
// caller holds mu.
func (s *Semaphore) unqueue(p *place) bool {
	if !s.waiters.Remove(p) {
		return false
	}
	s.slow.Add(^uint64(0))
	return true
}
