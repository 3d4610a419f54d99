package semaphore

import "time"

// A permit that C has reserved must not keep others from going on:
//
//   - A goroutine of this process that lacks permits says so, by recall.
//   - Waiters of other processes cannot be seen from here. Therefore C of an exported
//     Semaphore gives its permit back for a short time now and then.
//
// An Acquire elsewhere can need the permits of several Semaphores together. All of
// them therefore give back at the same instants, which they read from the clock of the
// machine: every idle, for the length of aside. A C that gets a permit during that time
// and has no receiver does not keep it either.
const (
	idle  = 100 * time.Millisecond
	aside = 5 * time.Millisecond
)

// recall asks hold, if C has reserved a permit, to look whether others lack it. The
// caller holds the lock.
func (s *Semaphore) recall() {
	if c := s.c.Load(); c != nil && c.holding {
		select {
		case c.nudge <- struct{}{}:
		default: // hold has not seen the previous one yet
		}
	}
}

// mayTime reports whether hold is to give its permit back after a while. A timer of
// Go's needs the runtime's poller, which runs if the source could be armed. Without it,
// the first timer of a process that is out of descriptors would end the process. The
// caller holds the lock.
func (s *Semaphore) mayTime() bool { return s.count.FD() != nil && s.count.Arm() == nil }

// untimed reports whether hold lacks its timer. The caller holds the lock.
func (s *Semaphore) untimed() bool {
	c := s.c.Load()
	return c != nil && c.holding && !c.timed && s.count.FD() != nil
}

// hold reserves one permit until it is received, others lack it, or Close, which waits
// for hold to end, puts it back.
func (s *Semaphore) hold(c *channel, p *place, ended chan struct{}) {
	defer close(ended)
	for gone := false; !gone; {
		var timeout <-chan time.Time
		if c.timed {
			timeout = time.After(untilAside(time.Now(), c.received))
		}
		select {
		case c.permits <- struct{}{}:
			s.sent(c, p)
			gone = true
		case <-c.nudge:
			gone = s.giveWay(c, p)
		case <-timeout:
			gone = s.stepAside(c, p)
		case <-c.closing:
			s.count.LockShut()
			s.count.Add(1)
			s.count.UnlockShut()
			gone = true
		}
	}
}

// untilAside returns how long C, which last gave a permit to a receiver at received,
// may keep one.
func untilAside(now, received time.Time) time.Duration {
	earliest := now
	if next := received.Add(idle); next.After(now) {
		earliest = next
	}
	phase := time.Duration(earliest.UnixNano() % int64(idle))
	if phase < aside {
		return earliest.Sub(now)
	}
	return earliest.Sub(now) + idle - phase
}

// sent queues C again after a receive.
func (s *Semaphore) sent(c *channel, p *place) {
	if !s.count.Lock() {
		return
	}
	defer s.count.Unlock()
	c.holding, c.received = false, time.Now()
	s.waitForC(p)
}

// giveWay gives the permit back and queues C behind the others, if there are any. It
// reports whether it did.
func (s *Semaphore) giveWay(c *channel, p *place) bool {
	if !s.count.Lock() {
		return false // Close is about to ask for the permit
	}
	defer s.count.Unlock()
	if s.waiters.Len() == 0 || s.count.Add(1) != nil {
		c.timed = s.mayTime() // the Semaphore can be exported by now
		return false
	}
	c.holding = false
	s.waitForC(p)
	return true
}

// stepAside gives the permit back and queues C again after a pause, without which C
// would have it again before another process runs. It reports whether it did.
func (s *Semaphore) stepAside(c *channel, p *place) bool {
	if !s.putBack(c) {
		return false
	}
	select {
	case <-time.After(aside):
	case <-c.closing:
		return true
	}
	if s.count.Lock() {
		s.waitForC(p)
		s.count.Unlock()
	}
	return true
}

// putBack gives the permit back to whoever wants it, and reports whether it did.
func (s *Semaphore) putBack(c *channel) bool {
	if !s.count.Lock() {
		return false
	}
	defer s.count.Unlock()
	if s.count.Add(1) != nil {
		c.received = time.Now() // the eventfd is full, so it is not urgent
		return false
	}
	c.holding = false
	s.serve()
	return true
}
