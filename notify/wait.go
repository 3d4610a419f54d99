package notify

import (
	"context"
	"fmt"
	"math/bits"
	"os"

	"github.com/eventchan/eventchan/internal/ctxdone"
)

// Wait takes the whole count, with what is in C's buffer, and returns it. The count goes back to 0.
// While the count is 0, Wait blocks until a signal comes or ctx is done. Waiting goroutines are
// served in FIFO order, and each count goes to exactly one of them.
//
// If ctx is done first, Wait returns ctx.Err() and takes nothing. If ctx is already done, Wait
// returns immediately, even if a count is pending. If a count was handed over before Wait has
// noticed that ctx is done, Wait returns the count with a nil error.
//
// Close wakes Wait, which then returns the pending count if it is the first waiter and a count is
// pending, and otherwise an error matching [os.ErrClosed]. The first Wait after Close can still
// receive the pending count. If ctx is nil, Wait returns an error matching [os.ErrInvalid]. If a
// system call that it needs for waiting fails, for example because the process is out of
// descriptors (EMFILE, ENFILE), watches (ENOSPC) or memory (ENOMEM), Wait returns that error.
//
// If it does not wait, it costs one atomic operation, or one system call after FD or File. It then does
// not allocate, except that after FD, File, C or Close it calls ctx.Done, which can allocate the first
// time.
func (n *Notifier) Wait(ctx context.Context) (uint64, error) {
	if ctx == nil {
		return 0, fmt.Errorf("notify: Wait: nil context: %w", os.ErrInvalid)
	}
	if err := ctx.Err(); err != nil {
		return 0, n.refuse(err)
	}
	if count := n.takeWord(); count > 0 {
		return count, nil
	}
	done := ctx.Done()
	if n.count.Own().WaitAlone() {
		return n.await(ctx, done, n.home)
	}
	if n.count.Shared() {
		if count := n.linger(); count > 0 {
			return count, nil
		}
	}
	n.count.Follow(ctx, done)
	count, p, leads, err := n.takeOrQueue(done)
	if err != nil {
		return 0, n.failed("Wait", err)
	}
	if p == nil {
		return count, nil
	}
	if leads {
		n.count.SleepLeading()
	}
	return n.await(ctx, done, p)
}

// await returns the count or the error that a waiter gets, and frees its place. done is the Done channel
// of ctx. From when its place is in the queue until it is free, no method of ctx is called: one that
// panics would leave the place there, and the next count would be lost.
func (n *Notifier) await(ctx context.Context, done <-chan struct{}, p *place) (count uint64, err error) {
	served := true
	if done == nil || p.Value.Served() {
		count = <-p.Value // faster than a select
	} else {
		count, served = n.sleep(done, p)
	}
	if !served {
		return 0, ctxdone.Err(ctx)
	}
	if count == 0 {
		err = n.failed("Wait", failure(p))
	}
	n.free(p)
	if err != nil {
		return 0, err
	}
	if n.count.Shared() {
		n.count.Learn(count)
	}
	return count, nil
}

// noteReceived records that a count is received, for Close. It is called before the receiver has the count, or
// before Close can find out: a receiver that has it can take long to run again.
func (n *Notifier) noteReceived(count uint64) {
	if count > 0 && !n.received.Load() {
		n.received.Store(true)
	}
}

// takeWord takes the whole count from the state word, unless it is held there.
func (n *Notifier) takeWord() (count uint64) {
	if n.received.Load() {
		return n.count.Word().TakeAll()
	}
	return n.takeFirstWord()
}

// takeFirstWord is takeWord until a count has been received. FD and Close can come between the take and the
// note; therefore Close finds the take in taking. If there is no count, it takes none: one that comes later
// is left to the slow path, which notes under the lock.
func (n *Notifier) takeFirstWord() (count uint64) {
	w := n.count.Word()
	if !w.Takeable(1) {
		return 0
	}
	n.taking.Add(1)
	count = w.TakeAll()
	n.noteReceived(count)
	n.taking.Add(-1)
	return count
}

// linger polls the state word a few more times, because C threads might be signaling right now.
func (n *Notifier) linger() (count uint64) {
	if n.count.Word().Idle() && n.count.Again(func() bool { count = n.takeWord(); return count > 0 }) {
		n.count.Learn(count)
	}
	return count
}

// refuse returns the error of a Wait whose ctx is already done, which is err unless the Notifier is
// closed.
func (n *Notifier) refuse(err error) error {
	if !n.count.Lock() {
		return n.failed("Wait", os.ErrClosed)
	}
	n.count.Unlock()
	return err
}

// sleep waits for the count that p gets, which is 0 if the wait failed, and returns false if the waiter
// has left because its ctx is done.
func (n *Notifier) sleep(done <-chan struct{}, p *place) (count uint64, served bool) {
	select {
	case count = <-p.Value:
		return count, true
	case <-done:
		if n.leave(p) {
			return 0, false
		}
		return <-p.Value, true // it was served before it could leave
	}
}

// TryWait takes the whole count, with what is in C's buffer, and returns it and true. The count goes
// back to 0. TryWait returns 0 and false if the count is 0, if it belongs to goroutines that are
// already waiting, if a system call fails, or between the parts of a sum that does not fit in a uint64.
// It never blocks. The first TryWait after Close can still receive the pending count; later ones cannot.
//
// It costs one atomic operation, or one system call after FD or File. It does not allocate.
func (n *Notifier) TryWait() (uint64, bool) {
	if count := n.takeWord(); count > 0 {
		return count, true
	}
	// The first call of C stores c before it moves the count to the buffer, so c is loaded last.
	if (n.count.Word().Idle() || n.count.Own().Lone()) && n.c.Load() == nil {
		return 0, false
	}
	count := n.tryWait()
	return count, count > 0
}

// tryWait is the slow path of TryWait. It returns 0 if it takes nothing.
func (n *Notifier) tryWait() (count uint64) {
	if n.queued.Load() > 0 {
		return 0
	}
	if fd := n.count.Alone(); fd != nil && n.c.Load() == nil && fd.Use() {
		count, _ = fd.Take()
		n.noteReceived(count)
		fd.Done()
		if count > 0 || n.c.Load() == nil {
			return count
		}
		// The first call of C might have moved the count to the buffer.
	}
	if !n.lock() {
		n.count.LockShut()
		defer n.count.UnlockShut()
		return n.takeShut()
	}
	defer n.count.Unlock()
	count, _ = n.takeFirst() // a count can be on its way to C's buffer
	return count
}

// take takes the whole count, including the one in C's buffer. The caller holds the lock.
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
	if n.spilling && held > 0 {
		return held, nil // the sum of both does not fit in a uint64
	}
	count, err := n.count.TakeAll()
	if held > 0 && err != nil {
		err = nil // the caller gets held, which would otherwise be lost
		n.count.Retry()
	}
	sum, carry := bits.Add64(held, count, 0)
	if carry != 0 {
		*c <- held
		return count, nil
	}
	return sum, err
}

// takeOrQueue returns the count, or queues a waiter and returns its place. leads reports whether
// the caller is to sleep as the leader; see lead.go.
//
// No wake-up is lost. The place is queued before the lock is released. In the same atomic operation
// in which Sleep finds a count of 0 it sets flags in the state word, which make a later Add take the
// lock, and a C thread ring the doorbell, so that Serve is called with the lock held. Signals
// through the eventfd make an edge, after which Serve is called as well.
func (n *Notifier) takeOrQueue(done <-chan struct{}) (count uint64, p *place, leads bool, err error) {
	if !n.lock() {
		count, p, err = n.takeOrQueueShut()
		return count, p, false, err
	}
	count, p, leads, err = n.takeOrQueueLocked(done)
	n.count.Unlock()
	return count, p, leads, err
}

func (n *Notifier) takeOrQueueLocked(done <-chan struct{}) (count uint64, p *place, leads bool, err error) {
	if n.count.Private() {
		count, p, err = n.takeOrSleep(n.c.Load() == nil) // Sleep sees the whole count, which is in the word
		return count, p, false, err
	}
	if p = n.leadFirst(done); p != nil {
		return 0, p, true, nil
	}
	count, p, err = n.takeOrSleep(false)
	if p == nil {
		n.count.Hasty()
		return count, nil, false, err
	}
	return 0, p, n.count.Lead(done, p.Value, n.alone()), nil
}

// takeOrSleep returns the count, or queues a waiter and returns its place. Unless empty, it checks
// for a count before it arms the source.
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

// takeFirst takes the whole count, unless it belongs to waiters. The caller holds the lock.
func (n *Notifier) takeFirst() (count uint64, err error) {
	if n.waiters.Len() == 0 {
		count, err = n.take()
		n.noteReceived(count)
		n.settle()
	}
	return count, err
}

// waited reports whether a goroutine is waiting or C is in use. The caller holds the lock.
func (n *Notifier) waited() bool { return n.waiters.Len() > 0 || n.c.Load() != nil }

// settle clears the flags of the state word if neither a waiter nor C needs them. This can be left
// to the next call that takes the lock because of those flags. The caller holds the lock.
func (n *Notifier) settle() {
	if !n.waited() {
		n.count.Wake()
		n.count.Rest()
	}
}

// A server is the counter.Owner of a Notifier's count.
type server Notifier

func (s *server) Serve() { (*Notifier)(s).deliver() }
