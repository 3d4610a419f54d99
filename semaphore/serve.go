package semaphore

import (
	"errors"

	"github.com/eventchan/eventchan/internal/rawefd"
)

// A server is a Semaphore as its Counter knows it.
type server Semaphore

func (s *server) Serve() { (*Semaphore)(s).ready() }

// ready serves the waiters after permits came from outside. The caller holds the
// lock.
func (s *Semaphore) ready() {
	if s.waiters.Len() == 0 {
		s.count.Wake()
		if s.untimed() {
			s.count.MustArm()
			s.recall()
		} else {
			s.count.Disarm()
		}
		return
	}
	s.count.MustArm() // which it is, unless C could not arm it
	s.serve()
}

// serve lets waiters have what is free, first come first served, until there is
// too little for the first, and then has the next Release call it. The caller holds
// the lock.
func (s *Semaphore) serve() {
	for p := s.waiters.First(); p != nil; p = s.waiters.First() {
		if !s.serveFirst(p) {
			return
		}
	}
	s.count.Wake()
}

// serveFirst serves the first waiter, and reports whether to go on with whoever is the
// first then.
func (s *Semaphore) serveFirst(p *place) bool {
	passable := s.passable()
	if passable && p.Value.wake != nil {
		return s.rouseFirst(p)
	}
	if s.many(p.Value.permits) {
		s.rouseMany(p)
		return false
	}
	if s.enough(p) {
		if took, err := s.take(p.Value.permits); took {
			s.unqueue(p)
			s.grant(p)
			return true
		} else if err != nil {
			return s.fail(p, err)
		}
	}
	return !s.sleep(uint64(p.Value.permits), !passable)
}

// rouseFirst wakes the first waiter if there is a permit, which it may find taken.
func (s *Semaphore) rouseFirst(p *place) bool {
	if p.Value.woken { // it serves the others when it has run
		s.count.Wake()
		return false
	}
	if s.sleep(1, false) {
		return false
	}
	p.Value.rouse()
	return true
}

// sleep has serve called when there are enough permits for the first waiter, and
// recalls the one of C. It returns false if they are there already.
func (s *Semaphore) sleep(enough uint64, held bool) bool {
	if !s.count.Sleep(enough, held) {
		return false
	}
	s.recall()
	return true
}

// fail ends the wait of the first waiter with an error. C, which cannot return it, is
// tried again later, and stands behind the others until then. It reports whether
// there are others. The caller holds the lock.
func (s *Semaphore) fail(p *place, err error) bool {
	s.unqueue(p)
	if p.Value.wake == nil {
		s.queue(p)
		s.count.Retry()
		return s.waiters.Len() > 1
	}
	p.Value.failed = &failure{err}
	p.Value.rouse()
	return true
}

// hand grants permits that were not added yet, first come first served, and adds
// what is left over, which may be what the next waiter lacks. That fails only if
// others have filled the counter up while goroutines of ours waited for a permit.
// The caller holds the lock.
func (s *Semaphore) hand(n int64) error {
	for p := s.waiters.First(); p != nil && p.Value.permits <= n && !s.taking; p = s.waiters.First() {
		n -= p.Value.permits
		s.unqueue(p)
		s.grant(p)
	}
	if n > 0 {
		if err := s.count.Add(uint64(n)); errors.Is(err, rawefd.ErrFull) {
			return err
		} else if err != nil {
			s.count.Keep(uint64(n))
		}
	}
	s.serve() // also if n is 0: what was too little for the first may do for the next
	return nil
}

// rouse wakes a waiter, which can find that others were quicker. Then it goes on waiting in
// the same place.
func (w *waiter) rouse() {
	if !w.woken {
		w.woken = true
		w.wake <- struct{}{}
	}
}

// grant gives a waiter the permits that were taken for it.
func (s *Semaphore) grant(p *place) {
	if p.Value.wake == nil {
		s.offer(p)
		return
	}
	p.Value.granted.Store(true)
	p.Value.rouse()
}

// enough reports whether it is worth trying to take what a waiter needs. To try
// an eventfd and put back would be an event for all waiters, here and in other processes,
// which would try in their turn: all would spin.
func (s *Semaphore) enough(p *place) bool {
	if p.Value.permits == 1 || s.count.FD() == nil {
		return true
	}
	count, err := s.count.Count()
	return err == nil && count >= uint64(p.Value.permits)
}

// look serves if the waiter is the first. It is called at a slow pace. Therefore it can
// try without knowing the count where the system does not show it, and reports whether
// it did: then the waiter is blind.
func (s *Semaphore) look(p *place) (blind bool) {
	if !s.count.Lock() {
		return false
	}
	defer s.count.Unlock()
	if s.waiters.First() != p {
		return false
	}
	if _, err := s.count.Count(); err != nil {
		blind = true
		if s.many(p.Value.permits) {
			p.Value.rouse()
			return blind
		}
		if took, err := s.take(p.Value.permits); took {
			s.unqueue(p)
			s.grant(p)
		} else if err != nil {
			s.fail(p, err)
		}
	}
	s.serve()
	return blind
}

// take takes n permits or none. The caller holds the lock, so that two goroutines
// do not each hold a part of what both want.
func (s *Semaphore) take(n int64) (took bool, err error) {
	if n > 1 {
		s.slow.Add(1<<32 + 1)
		defer s.slow.Add(^uint64(0))
	}
	return s.count.Take(uint64(n))
}
