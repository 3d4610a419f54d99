package semaphore

import (
	"context"
	"math/rand/v2"
	"os"
	"time"
)

// takeOrQueue takes n permits and returns nil, or else a place among the
// waiters, which is spare if it needs one.
//
// No wake-up is lost: the place is there before the lock is released, and serve
// leaves in the word, in the same step in which it finds too few permits, the
// flags by which a later Release comes to the lock, or has Serve called under it.
// Permits in the eventfd make an edge, after which Serve is called as well.
func (s *Semaphore) takeOrQueue(n int64, spare *place) (*place, error) {
	if !s.count.Lock() {
		return nil, os.ErrClosed
	}
	defer s.count.Unlock()
	if n == 0 {
		return nil, nil
	}
	if s.waiters.Len() > 0 && (s.count.FD() != nil || s.passable()) {
		s.serve() // so that there may be no waiters
	}
	if s.passable() && s.many(n) {
		if !s.hopeless(n) {
			p := s.vacant(n, spare)
			s.queue(p)
			p.Value.rouse() // it takes the permits itself
			return p, nil
		}
	} else if s.passable() {
		if took, err := s.take(n); took || err != nil {
			s.overtake()
			return nil, err
		}
	}
	if err := s.count.Arm(); err != nil {
		return nil, err
	}
	p := s.vacant(n, spare)
	s.queue(p)
	switch {
	case s.count.FD() != nil:
		s.recall()
	case s.waiters.First() == p || s.count.Word().Takeable(0):
		s.serve()
	default: // it is held for those before p, and has the flags
	}
	return p, nil
}

// vacant returns a place for a waiter for n permits, which is spare if that is not nil and
// one is needed. The caller holds the lock.
func (s *Semaphore) vacant(n int64, spare *place) *place {
	p := s.home
	if p.Value.busy.Load() {
		if p = spare; p == nil {
			p = newPlace()
		}
	}
	p.Value.permits, p.Value.failed, p.Value.woken = n, nil, false
	p.Value.granted.Store(false)
	p.Value.busy.Store(true)
	return p
}

// spare returns a place, made without the lock, if the caller is going to need one.
func (s *Semaphore) spare() *place {
	if since := s.since.Load(); since != 0 && since&window == 0 {
		return newPlace()
	}
	return nil
}

func newPlace() *place { return &place{Value: waiter{wake: make(chan struct{}, 1)}} }

// recheck is how often a waiter for several permits looks by itself. That is a
// safety net: while some permits are free, but too few, each Release is another
// edge of a descriptor that is readable already, and no kernel promises one.
const recheck = 100 * time.Millisecond

// untilLook returns how long a waiter sleeps before it looks again. A blind one looks
// while no C keeps a permit: its own rhythm, as long as that of C, could always miss that
// time. The instant is random so that blind waiters in several processes do not
// keep taking a part each of what both want.
func untilLook(blind bool, now time.Time) time.Duration {
	if !blind {
		return recheck
	}
	phase := time.Duration(now.UnixNano() % int64(idle))
	return idle - phase + aside/4 + rand.N(aside/2)
}

// await returns when the waiter is woken or ctx has ended. It reports whether the waiter
// was woken, and then the channel is empty.
func (s *Semaphore) await(ctx context.Context, p *place) (woken bool) {
	select {
	case <-p.Value.wake:
		return true
	default:
	}
	var timer *time.Timer
	var tick <-chan time.Time
	if p.Value.permits > 1 && s.count.FD() != nil {
		timer = time.NewTimer(recheck)
		defer timer.Stop()
		tick = timer.C
	}
	done := ctx.Done()
	if done == nil && tick == nil {
		<-p.Value.wake // which is quicker than a select
		return true
	}
	for {
		select {
		case <-p.Value.wake:
			return true
		case <-done:
			return false
		case <-tick:
			timer.Reset(untilLook(s.look(p), time.Now()))
		}
	}
}

// resume returns what a waiter that was woken has got, or neither a grant nor an error
// if it sleeps on.
func (s *Semaphore) resume(ctx context.Context, p *place) (granted bool, err error) {
	w := &p.Value
	if !s.count.Lock() {
		return s.resumeShut(p)
	}
	defer s.count.Unlock()
	if w.woken && len(w.wake) > 0 {
		<-w.wake // ctx has ended, and it has been woken too
	}
	w.woken = false
	served := w.granted.Load() || w.failed != nil
	if !served && ctx.Err() == nil && s.waiters.First() == p && !s.takeWoken(ctx, p) {
		s.unqueue(p)
		return false, s.failed("Acquire", os.ErrClosed)
	}
	granted, err = s.outcome(ctx, p)
	if !served || !granted {
		s.serve()
	}
	return granted, err
}

// takeWoken takes what the first waiter needs, for which it was woken. It returns false
// if Close has come in between, and nothing was taken. The caller holds the lock.
func (s *Semaphore) takeWoken(ctx context.Context, p *place) (open bool) {
	w := &p.Value
	var took bool
	var err error
	if s.many(w.permits) {
		took, err = s.takePieces(ctx, w)
	} else if s.enough(p) {
		took, err = s.take(w.permits)
	}
	if took || err != nil {
		s.unqueue(p)
		w.granted.Store(took)
		if err != nil {
			w.failed = &failure{err}
		}
		s.count.Learn(s.count.Word().Count() + 1)
	}
	return s.count.Open()
}

// outcome returns what a waiter has got so far. If that is neither a grant nor an
// error, it sleeps on. The caller holds the lock.
func (s *Semaphore) outcome(ctx context.Context, p *place) (granted bool, err error) {
	w := &p.Value
	err = ctx.Err()
	switch {
	case err != nil && w.granted.Load():
		// Permits that were granted to a context which has ended go to the next, so
		// that an Acquire whose ctx ended before the Release always fails.
		s.count.Add(uint64(w.permits))
	case err != nil:
	case w.granted.Load():
	case w.failed != nil:
		err = s.failed("Acquire", w.failed.error)
	default:
		if err = s.count.Arm(); err == nil { // which it is, unless it took pieces first
			return false, nil
		}
		err = s.failed("Acquire", err)
	}
	s.unqueue(p)
	w.busy.Store(false)
	return err == nil, err
}

// resumeShut is resume after Close.
func (s *Semaphore) resumeShut(p *place) (granted bool, err error) {
	s.count.LockShut()
	defer s.count.UnlockShut()
	if p.Value.granted.Load() {
		return true, nil
	}
	s.unqueue(p)
	return false, s.failed("Acquire", os.ErrClosed)
}
