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
// If ctx ends first, Wait returns ctx.Err() and has taken nothing; so it does
// at once if ctx has ended already, even if a count is pending. A count that
// reached the waiter just before is returned with a nil error. Close wakes it
// with an error that matches [os.ErrClosed], unless there is a count left for
// it. A nil ctx matches [os.ErrInvalid]. Where the process is out of descriptors
// (EMFILE) so that it cannot wait, Wait returns that error.
//
// Without waiting it costs one system call and allocates nothing.
func (n *Notifier) Wait(ctx context.Context) (uint64, error) {
	if ctx == nil {
		return 0, fmt.Errorf("notify: Wait: the context is nil: %w", os.ErrInvalid)
	}
	if n.fd.Number() < 0 {
		return 0, n.failed("Wait", os.ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	count, p, err := n.takeOrQueue()
	if err != nil {
		return 0, n.failed("Wait", err)
	}
	if count > 0 {
		return count, nil
	}
	defer n.spare.Store(p)
	select {
	case count = <-p.Value:
	case <-ctx.Done():
		if n.leave(p) {
			return 0, ctx.Err()
		}
		count = <-p.Value // it was served before it could leave
	}
	if count == 0 {
		return 0, n.failed("Wait", os.ErrClosed)
	}
	return count, nil
}

// TryWait takes the whole count, which goes back to 0, and returns it and true.
// It returns false if the count is 0, if it belongs to goroutines that wait
// already, or after Close. It never blocks, costs one system call and allocates
// nothing.
func (n *Notifier) TryWait() (uint64, bool) {
	if n.queued.Load() > 0 || !n.fd.Use() {
		return 0, false
	}
	defer n.fd.Done() // after mu is released: it may call last
	if n.c.Load() == nil {
		count, err := n.fd.Take()
		return count, err == nil && count > 0
	}
	n.mu.Lock() // a count may be on its way from the kernel to C's buffer
	defer n.mu.Unlock()
	if n.waiters.Len() > 0 {
		return 0, false
	}
	count, err := n.take()
	return count, err == nil && count > 0
}

// take returns the whole count, be it in C's buffer or in the kernel. The caller
// holds mu and a use of fd.
func (n *Notifier) take() (uint64, error) {
	c := n.c.Load()
	if c == nil {
		return n.fd.Take()
	}
	var held uint64
	select {
	case held = <-*c:
	default:
	}
	if n.spilling {
		return held, nil // together they would be more than a uint64
	}
	count, err := n.fd.Take()
	sum, carry := bits.Add64(held, count, 0)
	if carry != 0 {
		*c <- held
		return count, nil
	}
	return sum, err
}

// takeOrQueue returns the count, or else a place among the waiters.
//
// No wake-up is lost: take found 0 and the place is there before mu is
// released, and ready, which every later signal makes the poller call, needs
// mu. So a signal is either seen by take or finds the waiter.
func (n *Notifier) takeOrQueue() (count uint64, p *place, err error) {
	if !n.fd.Use() {
		return 0, nil, os.ErrClosed
	}
	defer n.fd.Done() // after mu is released: it may call last
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.waiters.Len() == 0 {
		if count, err = n.take(); count > 0 || err != nil {
			return count, nil, err
		}
	}
	if err := n.source.Arm(); err != nil {
		return 0, nil, err
	}
	if p = n.spare.Swap(nil); p == nil {
		p = &place{Value: make(result, 1)}
	}
	n.queued.Add(1)
	n.waiters.Push(p)
	return 0, p, nil
}

// leave takes a waiter out of the queue and reports whether it was still there.
func (n *Notifier) leave(p *place) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.waiters.Remove(p) {
		return false
	}
	n.queued.Add(-1)
	return true
}

// next takes the first waiter out of the queue and returns where it expects its
// result, or nil. The caller holds mu.
func (n *Notifier) next() result {
	p := n.waiters.Pop()
	if p == nil {
		return nil
	}
	n.queued.Add(-1)
	return p.Value
}

// ready delivers the count. The poller calls it after each signal while the
// source is armed.
func (n *Notifier) ready() {
	if !n.fd.Use() {
		return
	}
	defer n.fd.Done()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.deliver()
}
