package semaphore

import (
	"context"
	"os"
	"time"
)

// takeOrQueue takes n permits and returns nil, or else a place among the
// waiters.
//
// No wake-up is lost: the place is there before the lock is released, and serve
// leaves in the word, in the same step in which it finds too few permits, the
// flags by which a later Release comes to the lock, or has Serve called under it.
// Permits in the eventfd make an edge, after which Serve is called as well.
func (s *Semaphore) takeOrQueue(n int64) (*place, error) {
	if !s.count.Lock() {
		return nil, os.ErrClosed
	}
	defer s.count.Unlock()
	if n == 0 {
		return nil, nil
	}
	if s.waiters.Len() > 0 {
		s.serve()
	}
	if s.passable() {
		if took, err := s.take(n); took || err != nil {
			s.overtake()
			return nil, err
		}
	}
	if err := s.count.Arm(); err != nil {
		return nil, err
	}
	p := s.home
	if p.Value.busy {
		p = newPlace()
	}
	p.Value.permits, p.Value.granted, p.Value.err, p.Value.busy = n, false, nil, true
	s.queue(p)
	if s.count.FD() == nil {
		s.serve()
	} else {
		s.recall()
	}
	return p, nil
}

func newPlace() *place { return &place{Value: waiter{wake: make(chan struct{}, 1)}} }

// recheck is how often a waiter for several permits looks by itself. That is a
// safety net: while some permits are free, but too few, each Release is another
// edge of a descriptor that is readable already, and no kernel promises one.
const recheck = 100 * time.Millisecond

// await returns when the waiter is woken or ctx has ended.
func (s *Semaphore) await(ctx context.Context, p *place) {
	var tick <-chan time.Time
	if p.Value.permits > 1 && s.count.FD() != nil {
		ticker := time.NewTicker(recheck)
		defer ticker.Stop()
		tick = ticker.C
	}
	done := ctx.Done()
	if done == nil && tick == nil {
		<-p.Value.wake // which is quicker than a select
		return
	}
	for {
		select {
		case <-p.Value.wake:
			return
		case <-done:
			return
		case <-tick:
			s.look(p)
		}
	}
}

// resume tells a waiter who woke whether he has his permits, or why he will not
// get them, or neither: then he sleeps on.
func (s *Semaphore) resume(ctx context.Context, p *place) (granted bool, err error) {
	w := &p.Value
	if !s.count.Lock() {
		return s.resumeShut(p)
	}
	defer s.count.Unlock()
	if w.woken && len(w.wake) > 0 {
		<-w.wake // ctx has ended, and he has been woken too
	}
	w.woken = false
	if err := ctx.Err(); err != nil {
		w.busy = false
		// Permits that were granted to a context which has ended go to the next, so
		// that an Acquire whose ctx ended before the Release always fails.
		if w.granted {
			s.count.Add(uint64(w.permits))
		} else {
			s.unqueue(p)
		}
		s.serve()
		return false, err
	}
	if w.granted || w.err != nil {
		return s.leave(w)
	}
	if s.waiters.First() == p && s.enough(p) {
		if took, err := s.take(w.permits); took || err != nil {
			s.unqueue(p)
			w.granted, w.err = took, err
			s.count.Learn(s.count.Word().Count() + 1)
			s.serve()
			return s.leave(w)
		}
	}
	s.serve()
	return false, nil
}

// leave ends the wait of a waiter that has its permits or an error. The caller holds
// the lock, and nothing wakes the waiter any more.
func (s *Semaphore) leave(w *waiter) (granted bool, err error) {
	w.busy = false
	if w.err != nil {
		return false, s.failed("Acquire", w.err)
	}
	return true, nil
}

// resumeShut is resume after Close.
func (s *Semaphore) resumeShut(p *place) (granted bool, err error) {
	s.count.LockShut()
	defer s.count.UnlockShut()
	if p.Value.granted {
		return true, nil
	}
	s.unqueue(p)
	return false, s.failed("Acquire", os.ErrClosed)
}
