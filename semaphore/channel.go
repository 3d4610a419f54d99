package semaphore

// A channel is what C needs.
type channel struct {
	permits chan struct{}
	closing chan struct{} // closed by Close
	offered chan struct{} // closed when the latest offer has ended
}

// C returns a channel for use in select; each receive from it is one permit
// acquired, to be released like any other. It is the same channel each time.
//
// Once C has been called it takes its turn among the goroutines that wait in
// Acquire: it holds one permit ready for the next receiver, and takes another
// when that is received. So from then on one permit is out of everybody else's
// reach, also while nobody receives, and a TryAcquire finds C waiting whenever no
// permit is free. To want a permit only at times, use a nil channel in the select
// until C is called for the first time, or Acquire in a goroutine.
//
// The channel has no buffer. While a permit is held ready, and only then, one
// goroutine of this Semaphore holds it out. Close puts it back into the counter
// and closes the channel.
func (s *Semaphore) C() <-chan struct{} {
	if c := s.c.Load(); c != nil {
		return c.permits
	}
	open := s.count.Lock()
	if open {
		defer s.count.Unlock()
	} else {
		s.count.LockShut()
		defer s.count.UnlockShut()
	}
	if c := s.c.Load(); c != nil {
		return c.permits
	}
	c := &channel{permits: make(chan struct{}), closing: make(chan struct{})}
	s.c.Store(c)
	switch {
	case open:
		s.waitForC(&place{Value: waiter{permits: 1}})
	case s.closed: // or else last will close it
		close(c.permits)
	}
	return c.permits
}

// waitForC queues C for the next permit. The caller holds the lock.
func (s *Semaphore) waitForC(p *place) {
	s.queue(p)
	s.count.MustArm() // before serve, so that no later Release goes unseen
	s.serve()
}

// offer hands a permit that was taken to a goroutine that receives from C now,
// or else starts one to hold it out. A goroutine it must be, since nothing else
// notices that somebody came to receive; it must be one for each Semaphore,
// since a select over the channels of all (reflect.Select) costs more with each,
// and since a channel made in a testing/synctest bubble stays there. The caller
// holds the lock.
func (s *Semaphore) offer(p *place) {
	c := s.c.Load()
	select {
	case c.permits <- struct{}{}:
		s.queue(p)
		return
	default:
	}
	c.offered = make(chan struct{})
	go s.hold(c, p, c.offered)
}

// hold holds one permit out until it is received or Close, which waits for that,
// wants it back.
func (s *Semaphore) hold(c *channel, p *place, ended chan struct{}) {
	defer close(ended)
	select {
	case c.permits <- struct{}{}:
		if s.count.Lock() {
			s.waitForC(p)
			s.count.Unlock()
		}
	case <-c.closing:
		s.count.LockShut()
		s.count.Add(1)
		s.count.UnlockShut()
	}
}
