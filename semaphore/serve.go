package semaphore

import (
	"errors"
	"math"
	"time"

	"github.com/eventchan/eventchan/internal/rawefd"
)

// A server is the counter.Owner of a Semaphore's count.
type server Semaphore

func (s *server) Serve() { (*Semaphore)(s).ready() }

// ready serves the waiters after something other than Go code of this process has added
// permits. The caller holds the lock.
func (s *Semaphore) ready() {
	if s.waiters.Len() == 0 {
		s.count.Wake()
		if s.untimed() {
			s.count.MustArm()
			s.recall()
		} else {
			s.count.Unlike()
			s.count.Relax()
		}
		return
	}
	s.count.MustArm() // it is armed already, unless C failed to arm it
	first := s.waiters.First()
	alone := s.alone() && !first.Value.woken
	s.serve()
	if alone && first.Value.woken {
		s.count.Alike()
	}
}

// serve lets waiters have the free permits, in FIFO order, until too few are left for the
// first waiter, and then arranges that it is called again when more are added. The caller
// holds the lock.
func (s *Semaphore) serve() {
	if s.count.FD() != nil {
		s.serveExported()
		return
	}
	for p := s.waiters.First(); p != nil; p = s.waiters.First() {
		if !s.serveFirst(p) {
			return
		}
	}
	s.count.Wake()
}

// serveExported is serve where each permit takes a system call. It does not keep the lock for more than
// a piece of them. It is a separate function because a Release needs little of the stack.
func (s *Semaphore) serveExported() {
	served := int64(0) // permits
	for p := s.waiters.First(); p != nil; p = s.waiters.First() {
		n := p.Value.permits
		if served > 0 && served+n > piece && n <= piece && p.Value.wake != nil {
			s.rouse(p) // it takes its permits itself if enough are free, and then serves the others
			break
		}
		if !s.serveFirst(p) {
			return
		}
		served += n
	}
	s.count.Wake()
}

// serveFirst serves the first waiter, and reports whether to go on with the next one.
func (s *Semaphore) serveFirst(p *place) bool {
	passable := s.passable()
	if passable && p.Value.wake != nil {
		return s.rouseFirst(p)
	}
	if p.Value.taking || s.many(p.Value.permits) {
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

// rouseFirst wakes the first waiter if a permit is free. Another goroutine can take the permit
// before the waiter runs.
func (s *Semaphore) rouseFirst(p *place) bool {
	if p.Value.woken { // the waiter serves the others when it runs
		s.count.Wake()
		return false
	}
	if s.sleep(1, false) {
		return false
	}
	s.rouse(p)
	return true
}

// sleep arranges that serve is called when enough permits are free for the first waiter, and
// asks C for its permit. If held, no goroutine takes a permit without the lock until then. sleep
// returns false if enough permits are free already.
func (s *Semaphore) sleep(enough uint64, held bool) bool {
	if !s.count.Sleep(enough, held) {
		return false
	}
	s.recall()
	return true
}

// fail ends the wait of the first waiter with an error. C, which cannot return an error, is
// queued again behind the others and tried again later. fail reports whether to go on with the
// next waiter. The caller holds the lock.
func (s *Semaphore) fail(p *place, err error) bool {
	s.unqueue(p)
	if p.Value.wake == nil {
		s.queue(p)
		s.count.Retry()
		return s.waiters.Len() > 1
	}
	p.Value.failed = &failure{err}
	s.rouse(p)
	return true
}

// hand hands n permits, which were not added to the count yet, to waiters in FIFO order, and
// adds the rest, which can be what the next waiter lacks. It fails only if other holders of
// the eventfd have filled it while goroutines of this process wait for a permit. The rest is
// added first, so that a hand that fails hands out nothing. The caller holds the lock.
func (s *Semaphore) hand(n int64) error {
	rest := n
	for p := s.waiters.First(); p != nil && p.Value.permits <= rest && !p.Value.taking; p = p.Next() {
		rest -= p.Value.permits
	}
	if rest > 0 {
		if err := s.count.Add(uint64(rest)); errors.Is(err, rawefd.ErrFull) {
			return err
		} else if err != nil {
			s.count.Keep(uint64(rest))
		}
	}
	if n == rest && s.stillLacks(uint64(n)) {
		return nil
	}
	for n > rest { // C, which offer queues again, is then behind the waiters that are due
		p := s.waiters.First()
		n -= p.Value.permits
		s.unqueue(p)
		s.grant(p)
	}
	s.serve() // even if rest is 0: permits too few for one waiter can be enough for the next
	return nil
}

// rouse wakes a waiter. Without a grant, the waiter can find that its permits were taken by
// others. Then it keeps waiting in the same place, after another call of Prepare.
func (s *Semaphore) rouse(p *place) {
	w := &p.Value
	if w.woken {
		return
	}
	w.woken = true
	if s.waiters.First() == p && s.alone() {
		s.count.Linger() // nothing sleeps now
	}
	wake := w.wake // the waiter can free its place once it is woken
	wake <- struct{}{}
	s.count.Nudge(wake)
}

// grant gives a waiter the permits that were taken for it, and wakes it.
func (s *Semaphore) grant(p *place) {
	if p.Value.wake == nil {
		s.offer(p)
		return
	}
	p.Value.granted.Store(true)
	s.rouse(p)
}

// enough reports whether it is worth trying to take what a waiter needs. Taking some permits
// from an eventfd and putting them back would be an event for all waiters, in this and other
// processes. They would try in turn, and all would spin.
func (s *Semaphore) enough(p *place) bool {
	if p.Value.permits == 1 || s.count.FD() == nil {
		return true
	}
	need := uint64(p.Value.permits)
	count, err := s.count.Count()
	if err != nil && p.Value.retreats&behind != 0 {
		s.rouse(p) // only by polling does it find permits now, and it sleeps for longer than one that is the first
	}
	if err != nil || count >= need {
		p.Value.lacks = 0
		return err == nil
	}
	p.Value.lacks = uint16(min(need-count, math.MaxUint16))
	return false
}

// stillLacks is called when a Release has added n permits and has handed out none. It reports whether
// the first waiter needs several permits and still lacks some, which saves a reading of /proc. The
// caller holds the lock.
//
// No wake-up is lost, although others add as well. When enough read the count, the waiter lacked at
// least lacks, and each Release of this process that finds a waiter subtracts what it adds. Whatever
// else adds leads to another reading after it: the edge of an eventfd and the ring of a C thread call
// ready, and serve follows where this process puts permits back. If all of them together are enough,
// either such a reading comes after the last of them, or it has already made lacks smaller when the
// last Release subtracts. Whatever takes leaves lacks too small, which costs one more reading.
func (s *Semaphore) stillLacks(n uint64) bool {
	p := s.waiters.First()
	if p == nil || n >= uint64(p.Value.lacks) {
		return false
	}
	p.Value.lacks -= uint16(n)
	return true
}

// look serves the waiters if p is the first; it is how p polls by itself. It returns how long p sleeps
// before the next look. Because it is called at a slow pace, it can try to take without knowing the count
// where the system does not show the count, which makes the waiter blind.
func (s *Semaphore) look(p *place) (next time.Duration) {
	if !s.count.Lock() {
		return recheck
	}
	defer s.count.Unlock()
	if s.waiters.First() != p {
		p.Value.retreats |= behind
		return untilFirst(s.waiters.Len())
	}
	p.Value.retreats &^= retreating | behind
	_, err := s.count.Count()
	blind := err != nil
	if blind {
		if s.many(p.Value.permits) {
			s.rouse(p)
			return untilLook(blind, time.Now())
		}
		if took, err := s.take(p.Value.permits); took {
			s.unqueue(p)
			s.grant(p)
		} else if err != nil {
			s.fail(p, err)
		}
	}
	s.serve()
	return untilLook(blind, time.Now())
}

// take takes n permits or none. The caller holds the lock, so two goroutines of this process
// cannot each hold a part of what both want.
func (s *Semaphore) take(n int64) (took bool, err error) {
	if n > 1 {
		s.slow.Add(1<<32 + 1)
		defer s.slow.Add(^uint64(0))
	}
	return s.count.Take(uint64(n))
}
