package semaphore

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/eventchan/eventchan/internal/rawefd"
)

// Acquire takes n permits, all or none; it waits while fewer are free. Waiters
// are served first come first served, and nobody of this process takes a permit
// past a waiter that needs more than are free, so a large Acquire is not
// starved. While it waits it holds no permit, so processes that each want all
// permits do not wait for each other.
//
// A Semaphore has no size, unlike a Weighted: an Acquire of more permits than there
// are in all waits, and others wait behind it, since somebody may make more.
//
// If ctx ends first, Acquire returns ctx.Err() and has taken nothing; so it does
// at once if ctx has ended already, even if permits are free. Close wakes it with
// an error that matches [os.ErrClosed]. A nil ctx matches [os.ErrInvalid]. Where
// the process is out of descriptors (EMFILE) so that it cannot wait, Acquire
// returns that error. Acquiring 0 permits never waits. A negative n panics.
//
// A goroutine that runs may take a permit that was freed for a waiter which does
// not run yet, as with [sync.Mutex]; that waiter stays the first. But nobody passes
// one who needs more permits than may be free, nor one who has waited 100 µs. After
// FD or File nobody passes anybody.
//
// Without waiting it allocates nothing, and costs one atomic step. After FD or File
// it costs n system calls, since the kernel hands out one permit a read.
func (s *Semaphore) Acquire(ctx context.Context, n int64) error {
	if n > 0 && ctx != nil && ctx.Err() == nil && s.since.Load() == 0 {
		if s.count.Word().Take(uint64(n)) {
			return nil
		}
		if fd := s.count.Alone(); fd != nil && n == 1 {
			if took, _ := s.tryRead(fd); took {
				return nil
			}
		}
	}
	return s.acquire(ctx, n)
}

// acquire is Acquire where one step is not all.
func (s *Semaphore) acquire(ctx context.Context, n int64) error {
	check("Acquire", n)
	if ctx == nil {
		return fmt.Errorf("semaphore: Acquire: the context is nil: %w", os.ErrInvalid)
	}
	if err := ctx.Err(); err != nil {
		return s.refuse(err)
	}
	if s.pass(n) {
		return nil
	}
	if s.since.Load() == 0 && s.count.Again(func() bool { return s.pass(n) }) { // C threads may be at it
		s.count.Learn(s.count.Word().Count() + 1)
		return nil
	}
	p, err := s.takeOrQueue(n)
	if err != nil {
		return s.failed("Acquire", err)
	}
	if p == nil {
		return nil
	}
	for {
		s.sleep(ctx, p)
		if granted, err := s.resume(ctx, p); granted || err != nil {
			return err
		}
	}
}

// refuse returns the error of an Acquire whose ctx has ended.
func (s *Semaphore) refuse(err error) error {
	if !s.count.Lock() {
		return s.failed("Acquire", os.ErrClosed)
	}
	s.count.Unlock()
	return err
}

// pass takes n permits from the word, past waiters if they have not waited long,
// and reports whether it did.
func (s *Semaphore) pass(n int64) bool {
	w := s.count.Word()
	for !s.overdue() {
		if w.Take(uint64(n)) {
			return true
		}
		if !w.Takeable(uint64(n)) {
			return false
		}
	}
	return false
}

// TryAcquire takes n permits, all or none, and reports whether it did. It takes
// none past goroutines that wait in Acquire, but as Acquire does, and none after
// Close. 0 permits it takes always. It never blocks and allocates nothing. A
// negative n panics. It costs one atomic step, or n system calls after FD or File.
func (s *Semaphore) TryAcquire(n int64) bool {
	w := s.count.Word()
	if n > 0 && s.since.Load() == 0 && w.Take(uint64(n)) {
		return true
	}
	if n >= 0 && w.Lacks(uint64(n)) {
		return false
	}
	if fd := s.count.Alone(); fd != nil && n == 1 {
		if took, certain := s.tryRead(fd); certain {
			return took
		}
	}
	return s.tryAcquire(n)
}

// tryAcquire is TryAcquire where one step is not all.
func (s *Semaphore) tryAcquire(n int64) bool {
	check("TryAcquire", n)
	if s.pass(n) {
		return true
	}
	if !s.count.Lock() {
		return false
	}
	defer s.count.Unlock()
	if n == 0 {
		return true
	}
	s.serve()
	return s.passable() && s.take(n)
}

// tryRead reads a permit from the eventfd without the lock, since while nobody
// waits, whoever reads one may have it. That there was none is certain only if no
// goroutine began to take several meanwhile, who may have had it for an instant
// and put it back.
func (s *Semaphore) tryRead(fd *rawefd.FD) (took, certain bool) {
	before := s.slow.Load()
	if uint32(before) != 0 || !fd.Use() {
		return false, false
	}
	n, _ := fd.Take()
	fd.Done()
	return n == 1, n == 1 || s.slow.Load() == before
}

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
	if s.passable() && s.take(n) {
		return nil, nil
	}
	if err := s.count.Arm(); err != nil {
		return nil, err
	}
	p := s.home
	if p.Value.busy {
		p = newPlace()
	}
	p.Value.permits, p.Value.granted, p.Value.busy = n, false, true
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

// sleep returns when the waiter is woken or ctx has ended.
func (s *Semaphore) sleep(ctx context.Context, p *place) {
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
	if w.granted {
		w.busy = false
		return true, nil
	}
	if s.waiters.First() == p && s.enough(p) && s.take(w.permits) {
		s.unqueue(p)
		w.granted, w.busy = true, false
		s.count.Learn(s.count.Word().Count() + 1)
	}
	s.serve()
	return w.granted, nil
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
