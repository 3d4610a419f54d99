package semaphore

import (
	"math/rand/v2"
	"os"
	"time"

	"github.com/eventchan/eventchan/internal/ctxdone"
)

// takeOrQueue takes n permits and returns nil, or queues a waiter and returns its place, for
// which it uses spare if home is in use.
//
// No wake-up is lost. The place is queued before the lock is released. In the same atomic
// operation in which serve finds too few permits it sets flags in the state word, which make a
// later Release take the lock, and a C thread ring the doorbell, so that Serve is called with
// the lock held. Permits that others add to the eventfd make an edge, after which Serve is
// called as well.
func (s *Semaphore) takeOrQueue(done <-chan struct{}, n int64, spare *place) (*place, error) {
	if !s.count.Lock() {
		return nil, os.ErrClosed
	}
	defer s.count.Unlock()
	if n == 0 {
		return nil, nil
	}
	if p := s.leadFirst(done, n); p != nil {
		return p, nil
	}
	if s.waiters.Len() > 0 && (s.count.FD() != nil || s.passable()) {
		s.serve() // which can empty the queue
	}
	if s.passable() && s.many(n) {
		if !s.hopeless(n) {
			p := s.vacant(n, spare)
			s.queue(p)
			s.rouse(p) // the waiter takes its permits itself
			return p, nil
		}
	} else if s.passable() || !s.many(n) && s.ample(n) {
		if took, err := s.take(n); took || err != nil {
			if took && ctxdone.Closed(done) { // it can have been done before they were released
				s.count.PutBack(uint64(n))
				s.serve()
				return nil, errEnded
			}
			s.overtake()
			return nil, err
		}
	}
	if err := s.count.Prepare(); err != nil {
		return nil, err
	}
	p := s.vacant(n, spare)
	s.queue(p)
	switch {
	case s.count.FD() != nil:
		s.recall()
	case s.waiters.First() == p || s.count.Word().Takeable(0):
		s.serve()
	default: // the word is held for the waiters before p, and has the flags already
	}
	if !p.Value.woken {
		s.lead(done, p)
	}
	return p, nil
}

// vacant returns a place for a waiter that needs n permits: home, or spare if home is in use,
// or a new one if spare is nil. The caller holds the lock.
func (s *Semaphore) vacant(n int64, spare *place) *place {
	p := s.home
	if p.Value.busy.Load() {
		if p = spare; p == nil {
			p = new(place)
		}
	}
	if p.Value.wake == nil {
		p.Value.wake = make(wake, 1)
	}
	p.Value.permits, p.Value.failed, p.Value.woken, p.Value.leads = n, nil, false, false
	p.Value.lacks, p.Value.hopeful, p.Value.retreats = 0, false, 0
	p.Value.granted.Store(false)
	p.Value.busy.Store(true)
	return p
}

// spare returns a new place if the caller is likely to need one, so that it is made without
// the lock.
func (s *Semaphore) spare() *place {
	if since := s.since.Load(); since != 0 && since&window == 0 {
		return &place{Value: waiter{wake: make(wake, 1)}}
	}
	return nil
}

// free lets another waiter use a place. Without a channel it can be used in a testing/synctest bubble and
// outside: see NewWeighted. The caller need not hold the lock: the place is its own until busy is false, and
// it does not matter whether a concurrent FD or Handle leaves the channel in it.
func (s *Semaphore) free(p *place) {
	if s.size >= 0 && s.count.Private() {
		p.Value.wake = nil
	}
	p.Value.busy.Store(false)
}

// recheck is how often a waiter for several permits polls the eventfd by itself. That is a
// safety net: while some permits are free, but too few, each Release is another edge of a
// descriptor that is already readable, for which the kernel does not promise an event.
const recheck = 100 * time.Millisecond

// untilLook returns how long a waiter sleeps before it polls again. A waiter is blind if the
// system does not show it the count. A blind waiter polls in the time in which no C keeps a
// permit (see aside), because polling with the same period as C, it could miss that time
// again and again. The instant in it is random, so that blind waiters in several processes do
// not keep taking a part each of what both want.
func untilLook(blind bool, now time.Time) time.Duration {
	if !blind {
		return recheck
	}
	phase := time.Duration(now.UnixNano() % int64(idle))
	return idle - phase + aside/4 + rand.N(aside/2)
}

// untilFirst returns how long a waiter sleeps before it polls again if it was not the first of so many.
// Only the first one polls for all of them; the others only see whether they are the first by now. The
// more there are, the more rarely they do so, and the less all at the same instant.
func untilFirst(waiters int) time.Duration {
	more := recheck * time.Duration(min(waiters, 2048)/64)
	return recheck + more + rand.N(more+1)
}

// await returns when the waiter is woken or its ctx is done. It reports whether the waiter was
// woken; if so, its channel is empty.
func (s *Semaphore) await(done <-chan struct{}, p *place) (woken bool) {
	if p.Value.leads {
		s.count.SleepLeading()
	}
	select {
	case <-p.Value.wake:
		return true
	default:
	}
	var timer *time.Timer
	var tick <-chan time.Time
	if p.Value.permits > 1 && s.count.FD() != nil {
		first := recheck
		if r := p.Value.retreats; r&retreating != 0 {
			first = retreat(p.Value.permits, r)
		}
		timer = time.NewTimer(first)
		defer timer.Stop()
		tick = timer.C
	}
	if done == nil && tick == nil {
		<-p.Value.wake // faster than a select
		return true
	}
	for {
		select {
		case <-p.Value.wake:
			return true
		case <-done:
			return false
		case <-tick:
			timer.Reset(s.look(p))
		}
	}
}

// resume is called when a waiter was woken or its ctx is done. It reports whether the waiter
// has its permits, or returns the error with which Acquire must return: errEnded if the ctx is
// done. If it does neither, the waiter goes back to sleep.
func (s *Semaphore) resume(done <-chan struct{}, p *place) (granted bool, err error) {
	w := &p.Value
	if !s.count.Lock() {
		return s.resumeShut(done, p)
	}
	defer s.count.Unlock()
	if w.woken && len(w.wake) > 0 {
		<-w.wake // ctx is done, but the waiter was woken as well
	}
	w.woken = false
	w.retreats &^= behind
	served, first := w.granted.Load() || w.failed != nil, s.waiters.First() == p
	if !served && !ctxdone.Closed(done) && first && !s.takeWoken(done, p) {
		s.unqueue(p)
		return false, s.failed("Acquire", os.ErrClosed)
	}
	granted, err = s.outcome(done, p)
	// A waiter of an eventfd that was not the first makes no difference to the others, unless serveBehind
	// serves them, which can have woken it to go on.
	if served && !granted || !served && (first || s.count.FD() == nil || s.waiters.First().Value.away()) {
		s.serve()
	}
	return granted, err
}

// takeWoken takes the permits of the first waiter, which was woken to take them, or nothing if
// too few are free. It returns false if Close ran in between; then it has taken nothing. The
// caller holds the lock.
func (s *Semaphore) takeWoken(done <-chan struct{}, p *place) (open bool) {
	w := &p.Value
	var took bool
	var err error
	if s.many(w.permits) {
		took, err = s.takePieces(done, w)
		w.tried()
	} else if s.enough(p) {
		took, err = s.take(w.permits)
	}
	if took || err != nil {
		s.unqueue(p)
		w.granted.Store(took)
		if err != nil {
			w.failed = &failure{err}
		}
		s.learn()
	}
	return s.count.Open()
}

// outcome returns the results of resume. Unless the waiter goes back to sleep, outcome also
// frees its place. The caller holds the lock.
func (s *Semaphore) outcome(done <-chan struct{}, p *place) (granted bool, err error) {
	w := &p.Value
	switch ended := ctxdone.Closed(done); {
	case ended && w.granted.Load():
		// The permits go to the next waiter, so that an Acquire whose ctx was done before the
		// Release always fails.
		s.count.PutBack(uint64(w.permits))
		err = errEnded
	case ended:
		err = errEnded
	case w.granted.Load():
	case w.failed != nil:
		err = s.failed("Acquire", w.failed.error)
	default:
		if err = s.count.Prepare(); err == nil {
			s.lead(done, p)
			return false, nil
		}
		err = s.failed("Acquire", err)
	}
	s.unqueue(p)
	s.free(p)
	return err == nil, err
}

// resumeShut is resume after Close. Permits that were granted in time are not put back if ctx is done: the
// number of the eventfd can belong to another file by now, and without one nothing can take them.
func (s *Semaphore) resumeShut(done <-chan struct{}, p *place) (granted bool, err error) {
	s.count.LockShut()
	defer s.count.UnlockShut()
	if p.Value.granted.Load() {
		if s.count.FD() == nil && ctxdone.Closed(done) {
			return false, errEnded
		}
		return true, nil
	}
	s.unqueue(p)
	return false, s.failed("Acquire", os.ErrClosed)
}
