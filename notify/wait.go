package notify

import (
	"context"
	"fmt"
	"math/bits"
	"os"
)

// Wait takes the whole count, which goes back to 0, and returns it. While the
// count is 0 it waits; goroutines that wait are served first come first served,
// each count going to exactly one of them.
//
// If ctx is done first, Wait returns ctx.Err() and has taken nothing. It does so
// immediately if ctx is already done, even if a count is pending. A count that
// reached the waiter just before is returned with a nil error. Close wakes the
// waiter with an error matching [os.ErrClosed], unless a count is left for it; the
// first Wait after Close can still receive what was pending. If ctx is nil, Wait
// returns an error matching [os.ErrInvalid]. If the system fails so that it cannot
// wait, for example because the process is out of descriptors (EMFILE, ENFILE),
// watches (ENOSPC) or memory, Wait returns that error.
//
// Without waiting it allocates nothing, and costs one atomic step, or one system
// call after FD or File.
func (n *Notifier) Wait(ctx context.Context) (uint64, error) {
	if ctx == nil {
		return 0, fmt.Errorf("notify: Wait: the context is nil: %w", os.ErrInvalid)
	}
	if err := ctx.Err(); err != nil {
		return 0, n.refuse(err)
	}
	if count := n.count.Word().TakeAll(); count > 0 {
		return n.got(count), nil
	}
	if n.count.Shared() {
		if count := n.linger(); count > 0 {
			return n.got(count), nil
		}
	}
	count, p, leads, err := n.takeOrQueue(ctx)
	if err != nil {
		return 0, n.failed("Wait", err)
	}
	if p == nil {
		return n.got(count), nil
	}
	var served bool
	if leads {
		count, served = n.leader.sleep(n)
	}
	switch {
	case served:
	case ctx.Done() == nil:
		count = <-p.Value // quicker than a select, and a frame less to come back through
	default:
		if count, err = n.sleep(ctx, p); err != nil {
			return 0, err
		}
	}
	if count == 0 {
		return 0, n.failed("Wait", failure(p))
	}
	if n.count.Shared() {
		n.count.Learn(count)
	}
	return n.got(count), nil
}

// got remembers that this Notifier receives; see Close.
func (n *Notifier) got(count uint64) uint64 {
	if !n.received.Load() {
		n.received.Store(true)
	}
	return count
}

// linger looks some more times, since C threads may be at it.
func (n *Notifier) linger() (count uint64) {
	w := n.count.Word()
	if w.Idle() && n.count.Again(func() bool { count = w.TakeAll(); return count > 0 }) {
		n.count.Learn(count)
	}
	return count
}

// refuse returns the error of a Wait whose ctx has ended.
func (n *Notifier) refuse(err error) error {
	if !n.count.Lock() {
		return n.failed("Wait", os.ErrClosed)
	}
	n.count.Unlock()
	return err
}

// sleep returns the count that comes to p, or 0 if none will, or the error of ctx.
func (n *Notifier) sleep(ctx context.Context, p *place) (uint64, error) {
	select {
	case count := <-p.Value:
		return count, nil
	case <-ctx.Done():
		if n.leave(p) {
			return 0, ctx.Err()
		}
		return <-p.Value, nil // it was served before it could leave
	}
}

// TryWait takes the whole count, which goes back to 0, and returns it and true. It returns
// false if the count is 0, or if it belongs to goroutines that are already waiting. The
// first TryWait after Close can still receive what was pending; later ones return false.
//
// It never blocks and does not allocate. It costs one atomic operation, or one system call
// after FD or File.
func (n *Notifier) TryWait() (uint64, bool) {
	w := n.count.Word()
	if count := w.TakeAll(); count > 0 {
		return n.got(count), true
	}
	if w.Idle() {
		return 0, false
	}
	if count := n.tryWait(); count > 0 {
		return n.got(count), true
	}
	return 0, false
}

// tryWait is the slow path of TryWait. It returns 0 if there is nothing.
func (n *Notifier) tryWait() (count uint64) {
	if n.queued.Load() > 0 {
		return 0
	}
	if fd := n.count.Alone(); fd != nil && n.c.Load() == nil && fd.Use() {
		count, _ = fd.Take()
		fd.Done()
		return count
	}
	if !n.count.Lock() {
		n.count.LockShut()
		defer n.count.UnlockShut()
		return n.takeShut()
	}
	defer n.count.Unlock()
	count, _ = n.takeFirst() // a count may be on its way to C's buffer
	return count
}

// take returns the whole count, including what is in C's buffer. The caller holds the
// lock.
func (n *Notifier) take() (uint64, error) {
	c := n.c.Load()
	if c == nil {
		return n.count.TakeAll()
	}
	var held uint64
	select {
	case held = <-*c:
	default:
	}
	if n.spilling {
		return held, nil // together they would be more than a uint64
	}
	count, err := n.count.TakeAll()
	if held > 0 {
		err = nil // it is not lost
	}
	sum, carry := bits.Add64(held, count, 0)
	if carry != 0 {
		*c <- held
		return count, nil
	}
	return sum, err
}

// takeOrQueue returns the count, or else a place among the waiters.
//
// No wake-up is lost: the place is there before the lock is released, and in the
// word Sleep has found a count of 0 and left in the same step the flags by which
// every later signal comes to the lock, or has Serve called under it. Signals
// through the eventfd make an edge, after which Serve is called as well.
func (n *Notifier) takeOrQueue(ctx context.Context) (count uint64, p *place, leads bool, err error) {
	if !n.count.Lock() {
		count, p, err = n.takeOrQueueShut()
		return count, p, false, err
	}
	count, p, leads, err = n.takeOrQueueLocked(ctx)
	n.count.Unlock()
	return count, p, leads, err
}

func (n *Notifier) takeOrQueueLocked(ctx context.Context) (count uint64, p *place, leads bool, err error) {
	if n.count.Private() {
		count, p, err = n.takeOrSleep(n.c.Load() == nil) // Sleep sees all that is in the word
		return count, p, false, err
	}
	if p = n.leadFirst(ctx); p != nil {
		return 0, p, true, nil
	}
	count, p, err = n.takeOrSleep(false)
	if p == nil {
		n.hasty()
		return count, nil, false, err
	}
	return 0, p, n.lead(ctx, p), nil
}

// takeOrSleep returns the count, or queues the caller. Unless empty, it looks for a count
// before it arms.
func (n *Notifier) takeOrSleep(empty bool) (count uint64, p *place, err error) {
	if !empty {
		if count, err = n.takeFirst(); count > 0 || err != nil {
			return count, nil, err
		}
		if err := n.count.Prepare(); err != nil {
			return 0, nil, err
		}
	}
	for n.waiters.Len() == 0 && !n.spilling && !n.count.Sleep(1, true) {
		if count, err = n.takeFirst(); count > 0 || err != nil {
			return count, nil, err
		}
	}
	p = n.vacant()
	n.waiters.Push(p)
	n.recount()
	return 0, p, nil
}

// takeFirst takes the whole count unless it belongs to waiters.
// The caller holds the lock.
func (n *Notifier) takeFirst() (count uint64, err error) {
	if n.waiters.Len() == 0 {
		count, err = n.take()
		n.settle()
	}
	return count, err
}

// waited reports whether a goroutine waits for signals, or C is in use. The caller holds the lock.
func (n *Notifier) waited() bool { return n.waiters.Len() > 0 || n.c.Load() != nil }

// settle takes the flags from the word when there is no waiter any more. It can be left
// to the next signal or wait, which then finds flags that mean nothing. The caller holds the
// lock.
func (n *Notifier) settle() {
	if !n.waited() {
		n.count.Wake()
		n.count.Rest()
	}
}

// A server is a Notifier as its Counter knows it.
type server Notifier

func (s *server) Serve() { (*Notifier)(s).deliver() }
