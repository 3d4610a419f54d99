package semaphore

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/eventchan/eventchan/internal/ctxdone"
	"github.com/eventchan/eventchan/internal/rawefd"
)

// Acquire takes n permits, blocking until n are free or ctx is done. It takes all of them or
// none. Acquire(ctx, 0) does not wait.
//
// Waiters are served in FIFO order. A waiting Acquire holds no permits, so processes that each
// want all the permits do not deadlock. An Acquire of more permits than exist waits, and later
// waiters wait behind it, because more permits can be made. An Acquire of more than the size
// given to [NewWeighted] waits until ctx is done, and others do not wait behind it.
//
// A goroutine that is running can overtake a waiter: it can take a permit that was released
// for a waiter that is not running yet, as with [sync.Mutex]. The waiter stays the first in the
// queue. It is overtaken for at most 100 µs, at most a few thousand times, and not after it has
// waited for 1 ms. Then all goroutines that are waiting are served, in FIFO order, before a
// later waiter is overtaken. A waiter that needs several permits is never overtaken. After FD
// or File goroutines of this process overtake no waiter.
//
// If ctx is done first, Acquire returns ctx.Err() and takes nothing. If ctx ends and permits are then
// released while Acquire is looking for some, it can hold them for an instant before it puts them
// back, during which a TryAcquire can fail. The exception is an Acquire after FD or File whose permits
// are released, followed by Close, before its goroutine runs: it succeeds, because they cannot be put
// back after Close. If ctx is already done, Acquire returns immediately, even if permits are free. Close
// wakes Acquire, which then returns an error matching [os.ErrClosed]. If ctx is nil, Acquire returns an
// error matching [os.ErrInvalid]. If a system call fails, for example because the process is out of descriptors
// (EMFILE), Acquire returns that error. It panics if n is negative.
//
// It costs one atomic operation; after FD or File, n system calls, because each read takes one
// permit. If several permits recently became free together, Acquire polls for up to 50 µs before it
// waits, during which other goroutines can run. While Acquire takes more than 1,024 permits after FD
// or File, other calls are not blocked: they get permits that Acquire does not need. Only C, and a waiting
// Acquire of more than 1,024, are served after it, even if others are served before them. It does not
// allocate unless it waits, or ctx allocates when it is asked for its Done channel for the first time,
// or Acquire takes more than 16,384 permits after FD or File, or finds other goroutines waiting or
// taking more than 1,024: then it can read /proc.
func (s *Semaphore) Acquire(ctx context.Context, n int64) error {
	endless := ctx == context.Background() // which need not be asked: that would take longer than the rest
	if n > 0 && (endless || ctx != nil && ctx.Err() == nil) && s.since.Load() == 0 {
		var done <-chan struct{}
		if !endless {
			done = ctx.Done() // no method of ctx is called while Acquire has permits
		}
		if s.count.Word().Take(uint64(n)) {
			if done == nil {
				return nil
			}
			return s.confirm(ctx, done, n)
		}
		if fd := s.count.Alone(); fd != nil && n == 1 && s.count.Tally.Load() != leads {
			if took, _ := s.tryRead(fd); took {
				s.hasty()
				return s.confirm(ctx, done, n)
			}
		}
	}
	return s.acquire(ctx, n)
}

// acquire is the slow path of Acquire.
func (s *Semaphore) acquire(ctx context.Context, n int64) error {
	check("Acquire", n)
	if ctx == nil {
		return fmt.Errorf("semaphore: Acquire: nil context: %w", os.ErrInvalid)
	}
	if err := ctx.Err(); err != nil {
		return s.refuse(err)
	}
	// No method of ctx is called while Acquire has permits, or is in the queue: one that waits for something
	// would keep them from others, and one that panics would lose them, or leave the goroutine in the queue.
	done := ctx.Done()
	if s.pass(n) || s.poll(done, n) {
		return s.confirm(ctx, done, n)
	}
	if err := ctx.Err(); err != nil {
		return s.refuse(err)
	}
	s.count.Follow(ctx, done)
	if s.size >= 0 && n > s.size {
		if err := s.outwait(done); err != nil {
			return s.ended(ctx, err)
		}
	}
	p, err := s.takeOrQueue(done, n, s.spare())
	if err == errEnded {
		return s.ended(ctx, err)
	}
	if err != nil {
		return s.failed("Acquire", err)
	}
	if p == nil {
		return nil
	}
	for {
		if s.await(done, p) && p.Value.granted.Load() && !ctxdone.Closed(done) {
			s.free(p) // the last use of p: another waiter can use it from now on
			return nil
		}
		if granted, err := s.resume(done, p); granted || err != nil {
			return s.ended(ctx, err)
		}
	}
}

// confirm is called by an Acquire that has taken n permits without the lock. Its ctx can have been done before
// they were released, after Acquire looked at it: then confirm puts them back and returns the error of ctx. After
// Close permits of an eventfd cannot be put back, and confirm returns nil.
func (s *Semaphore) confirm(ctx context.Context, done <-chan struct{}, n int64) error {
	if !ctxdone.Closed(done) || !s.undo(n) {
		return nil
	}
	return ctxdone.Err(ctx)
}

// undo puts back n permits that were taken without the lock, and serves the waiters. After Close it reports
// whether that makes no difference, because the permits are not from an eventfd, which other processes can use.
func (s *Semaphore) undo(n int64) bool {
	if !s.count.Lock() {
		return s.count.FD() == nil
	}
	defer s.count.Unlock()
	s.count.PutBack(uint64(n))
	s.serve()
	return true
}

// errEnded says that the ctx of an Acquire is done, where its methods must not be called.
var errEnded = errors.New("context done")

// ended returns err, or the error of ctx in place of errEnded.
func (s *Semaphore) ended(ctx context.Context, err error) error {
	if err == errEnded {
		return ctxdone.Err(ctx)
	}
	return err
}

// refuse returns the error of an Acquire whose ctx is done already, which is err unless the
// Semaphore is closed.
func (s *Semaphore) refuse(err error) error {
	if !s.count.Lock() {
		return s.failed("Acquire", os.ErrClosed)
	}
	s.count.Unlock()
	return err
}

// pass takes n permits from the state word, unless the waiters must be served first, and
// reports whether it did. In a window (see order.go) it overtakes them.
func (s *Semaphore) pass(n int64) bool {
	w := s.count.Word()
	for !s.overdue() {
		if w.Take(uint64(n)) {
			s.overtake()
			return true
		}
		if !w.Takeable(uint64(n)) {
			return false
		}
	}
	return false
}

// TryAcquire takes n permits, all or none, and reports whether it did. It never blocks. It
// overtakes waiting goroutines only where Acquire would. TryAcquire(0) returns true. After
// Close, TryAcquire returns false, even for 0 permits. It also returns false if a system call
// fails. While another call takes more than 1,024 permits after FD or File, it returns true only if
// enough permits are free for both and for all waiting goroutines; where the system does not show the
// count (gVisor), it returns false. It panics if n is negative.
//
// It costs one atomic operation; after FD or File, n system calls, and more if goroutines wait for
// permits that are free. It does not allocate unless, after FD or File, it takes more than 1,024
// permits or goroutines wait: then it can read /proc.
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

// tryAcquire is the slow path of TryAcquire.
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
	if s.blocked() {
		return false
	}
	s.serve()
	if !s.passable() && !s.ample(n) {
		return false
	}
	if s.many(n) {
		return s.tryMany(n)
	}
	took, _ := s.take(n)
	if took {
		s.overtake()
	}
	return took
}

// tryRead reads a permit from the eventfd without the lock, which is allowed only without
// waiters. certain says whether took is the answer of TryAcquire(1).
func (s *Semaphore) tryRead(fd *rawefd.FD) (took, certain bool) {
	return s.readSince(fd, s.slow.Load())
}

// readSince is tryRead with the value that slow had before. If the read finds nothing, the lack
// of a permit is certain only if no goroutine began to take several in between, because such a
// goroutine could have held the permit for an instant and put it back.
func (s *Semaphore) readSince(fd *rawefd.FD, before uint64) (took, certain bool) {
	if uint32(before) != 0 || !fd.Use() {
		return false, false
	}
	n, _ := fd.Take()
	fd.Done()
	return n == 1, n == 1 || s.slow.Load() == before
}
