package semaphore

import "time"

// A permit that C has reserved must not keep others waiting:
//
//   - A goroutine of this process that lacks permits asks C for its permit, by recall.
//   - Waiters of other processes cannot be seen from here. Therefore C of an exported
//     Semaphore gives its permit back for a short time at intervals.
//
// An Acquire of another process can need the permits that several Semaphores have reserved.
// All of them therefore give back at the same instants, which they derive from the clock of the
// machine: once per idle, for the length of aside. A C that gets a permit during that time and
// has no receiver does not keep it either.
const (
	idle  = 100 * time.Millisecond
	aside = 5 * time.Millisecond
)

// recall asks hold, if C has reserved a permit, to check whether others need it. The caller
// holds the lock.
func (s *Semaphore) recall() {
	if c := s.c.Load(); c != nil && c.holding {
		select {
		case c.nudge <- struct{}{}:
		default: // hold has not seen the previous one yet
		}
	}
}

// mayTime reports whether hold is to give its permit back after a while, for which it needs a
// timer. The first timer of a process starts the runtime's poller, and without descriptors for
// it the runtime ends the process. If the count is armed, the runtime's poller is running. If it
// cannot be armed, ready asks hold again later. The caller holds the lock.
func (s *Semaphore) mayTime() bool {
	if s.count.FD() == nil {
		return false
	}
	if err := s.count.Arm(); err != nil {
		s.count.Retry()
		return false
	}
	return true
}

// untimed reports whether hold should have a timer but has none. The caller holds the lock.
func (s *Semaphore) untimed() bool {
	c := s.c.Load()
	return c != nil && c.holding && !c.timed && s.count.FD() != nil
}

// hold reserves one permit: it keeps the permit until it is received, others need it, its time
// is over, or Close is called, which waits for hold to put it back.
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
		case <-c.unsent:
		case <-c.nudge:
			gone = s.giveWay(c, p)
		case <-timeout:
			gone = s.stepAside(c, p)
		case <-c.closing:
			s.count.LockShut()
			s.count.PutBack(1)
			s.count.UnlockShut()
			gone = true
		}
	}
}

// untilAside returns how long C may keep a permit if it last gave one to a receiver at received.
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

// untilBack returns for how long C stays away if it gives its permit back now. That is aside if it does so in
// time. If it does so late, perhaps because the process has used up its share of the processors, it stays away
// until the end of the next instant, at which it might not run either: if several Cs each stayed away for
// aside at times of their own, an Acquire that needs the permits of all would not get them.
func untilBack(now time.Time) time.Duration {
	phase := time.Duration(now.UnixNano() % int64(idle))
	if phase < aside {
		return aside
	}
	return idle - phase + aside
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

// giveWay gives the permit back and queues C behind the other waiters, if there are any. It
// reports whether it did.
func (s *Semaphore) giveWay(c *channel, p *place) bool {
	if !s.count.Lock() {
		return false // Close is about to close c.closing
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

// stepAside gives the permit back and queues C again after a pause. Without the pause C would
// get the permit again before another process runs. stepAside reports whether it gave it back.
func (s *Semaphore) stepAside(c *channel, p *place) bool {
	free, gone := s.putBack(c)
	pause, taken := untilBack(time.Now()), uint64(piece)
	for away := gone; away; pause, taken = idle/2, piece*uint64(idle/2/aside) {
		begin := time.Now()
		select {
		case <-time.After(pause): // perhaps much later, and more is taken by then
			free, away = s.comeBack(p, free, taken*uint64(time.Since(begin))/uint64(pause))
		case <-c.closing:
			away = false
		}
	}
	return gone
}

// putBack adds the permit to the count again, serves waiters, and reports whether it did. free is for
// comeBack.
func (s *Semaphore) putBack(c *channel) (free uint64, gone bool) {
	if !s.count.Lock() {
		return 0, false
	}
	defer s.count.Unlock()
	if s.count.Add(1) != nil {
		c.received = time.Now() // the eventfd is full, so it is not urgent
		return 0, false
	}
	c.holding = false
	s.serve()
	return s.manyFree(c), true
}

// comeBack queues C again, unless before is not 0 and at least taken permits fewer are free now. Then another
// process can be taking all of them, which would fail, again and again, if C took one of them then. A process
// of which that is known can be without a processor for tens of milliseconds, so the next look is later.
// Goroutines and processes that each take a few, for work of their own, take fewer than that in the time.
// comeBack returns how many are free and whether C stays away.
func (s *Semaphore) comeBack(p *place, before, taken uint64) (free uint64, away bool) {
	if !s.count.Lock() {
		return 0, false
	}
	defer s.count.Unlock()
	if before > 0 {
		if free, err := s.count.Count(); err == nil && free+taken <= before {
			return free, true
		}
	}
	s.waitForC(p)
	return 0, false
}

// manyFree returns how many permits are free, or 0 if taking all of them takes less than aside. It reads
// /proc, so it looks only each eighth time while they are not that many. It returns 0 as well if /proc does
// not show the count. The caller holds the lock.
func (s *Semaphore) manyFree(c *channel) uint64 {
	c.asides++
	if !c.vast && c.asides%8 != 1 {
		return 0
	}
	free, err := s.count.Count()
	if c.vast = err == nil && free > 4*piece; !c.vast {
		return 0
	}
	return free
}
