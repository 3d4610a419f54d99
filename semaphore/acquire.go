package semaphore

import (
	"context"
	"fmt"
	"os"
	"time"
)

// Acquire takes n permits, all or none; it waits while fewer are free. Waiters
// are served first come first served, and nobody of this process takes a permit
// past a waiter that needs more than are free, so a large Acquire is not
// starved. While it waits it holds no permit, so processes that each want all
// permits do not wait for each other.
//
// If ctx ends first, Acquire returns ctx.Err() and has taken nothing; so it does
// at once if ctx has ended already, even if permits are free. Close wakes it with
// an error that matches [os.ErrClosed]. A nil ctx matches [os.ErrInvalid]. Where
// the process is out of descriptors (EMFILE) so that it cannot wait, Acquire
// returns that error. Acquiring 0 permits never waits. A negative n panics.
//
// Without waiting it costs n system calls, since the kernel hands out one permit
// a read, and allocates nothing.
func (s *Semaphore) Acquire(ctx context.Context, n int64) error {
	check("Acquire", n)
	if ctx == nil {
		return fmt.Errorf("semaphore: Acquire: the context is nil: %w", os.ErrInvalid)
	}
	if s.fd.Number() < 0 {
		return s.failed("Acquire", os.ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	p, err := s.takeOrQueue(n)
	if err != nil {
		return s.failed("Acquire", err)
	}
	if p == nil {
		return nil
	}
	if !s.sleep(ctx, p) && s.leave(p) {
		return ctx.Err()
	}
	<-p.Value.ready
	if !p.Value.granted {
		return s.failed("Acquire", os.ErrClosed)
	}
	defer s.fd.Done()
	// Permits that were granted to a context which has ended go to the next, so
	// that an Acquire whose ctx ended before the Release always fails.
	if err := ctx.Err(); err != nil {
		s.handOn(n)
		return err
	}
	return nil
}

// TryAcquire takes n permits, all or none, and reports whether it did. It takes
// none past goroutines that wait in Acquire, and none after Close. It never
// blocks. A negative n panics. It costs n system calls and allocates nothing.
func (s *Semaphore) TryAcquire(n int64) bool {
	check("TryAcquire", n)
	if !s.fd.Use() {
		return false
	}
	// While nobody waits, whoever reads a permit may have it, without mu. That
	// there was none is certain only if no goroutine began to take several
	// meanwhile, who may have had it for an instant and put it back.
	if before := s.slow.Load(); n == 1 && uint32(before) == 0 {
		took, _ := s.fd.Take()
		if took == 1 || s.slow.Load() == before {
			s.fd.Done()
			return took == 1
		}
	}
	defer s.fd.Done() // after mu is released: it may call last
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serve()
	return s.waiters.Len() == 0 && s.take(n)
}

// takeOrQueue takes n permits and returns nil, or else a place among the
// waiters.
//
// No wake-up is lost: take found too few and the place is there before mu is
// released, and ready, which every later Release makes the poller call, needs
// mu. So a permit is either seen by take or finds the waiter.
func (s *Semaphore) takeOrQueue(n int64) (p *place, err error) {
	if !s.fd.Use() {
		return nil, os.ErrClosed
	}
	defer s.fd.Done() // after mu is released: it may call last
	if n == 0 {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shut {
		return nil, os.ErrClosed
	}
	if s.waiters.Len() > 0 {
		s.serve()
	}
	if s.waiters.Len() == 0 && s.take(n) {
		return nil, nil
	}
	if err := s.source.Arm(); err != nil {
		return nil, err
	}
	p = &place{Value: waiter{permits: n, ready: make(chan struct{})}}
	s.queue(p)
	return p, nil
}

// recheck is how often a waiter for several permits looks by itself. That is a
// safety net: while some permits are free, but too few, each Release is another
// edge of a descriptor that is readable already, and no kernel promises one.
const recheck = 100 * time.Millisecond

// sleep returns true when the waiter is granted or given up, and false when ctx
// has ended.
func (s *Semaphore) sleep(ctx context.Context, p *place) bool {
	var tick <-chan time.Time
	if p.Value.permits > 1 {
		ticker := time.NewTicker(recheck)
		defer ticker.Stop()
		tick = ticker.C
	}
	for {
		select {
		case <-p.Value.ready:
			return true
		case <-ctx.Done():
			return false
		case <-tick:
			s.look(p)
		}
	}
}

// leave takes a waiter out of the queue, lets those behind it go on, and reports
// whether it was still there.
func (s *Semaphore) leave(p *place) bool {
	if !s.fd.Use() {
		return false // last tells every waiter
	}
	defer s.fd.Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.unqueue(p) {
		return false
	}
	s.serve()
	return true
}

// handOn gives permits to those who wait. The caller holds a use of fd.
func (s *Semaphore) handOn(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.putBack(n)
	s.serve()
}
