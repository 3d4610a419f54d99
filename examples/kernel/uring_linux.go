package main

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/notify"
)

// ringSize is how many requests are submitted together. The queue of completions
// has room for twice as many, so it never overflows.
const ringSize = 64

// uringNops makes io_uring complete n requests that do nothing.
//
// The eventfd says that there are completions in the queue, but not how
// many. The kernel can signal once for a whole batch of completions, or
// again for one that was already taken. A receive is therefore a reason to empty the
// queue, and its count is not used. Nothing is missed that way: the kernel signals
// after it has moved the tail, so a completion that empty did not find was not
// signaled yet, and another receive follows.
func uringNops(ctx context.Context, n int) (t tally, err error) {
	signals, err := notify.New()
	if err != nil {
		return t, err
	}
	defer signals.Close()
	r, err := newRing(ringSize)
	if err != nil {
		return t, err
	}
	defer r.close()
	if err := r.register(signals.FD()); err != nil {
		return t, err
	}
	seen := make([]bool, n)
	for t.completions < n {
		batch := min(ringSize, n-t.completions)
		if err := r.submit(t.completions, batch); err != nil {
			return t, err
		}
		if err := r.wait(ctx, signals, seen, batch, &t); err != nil {
			return t, err
		}
	}
	if lost := r.overflow.Load(); lost > 0 {
		return t, fmt.Errorf("the queue of completions had no room for %d", lost)
	}
	return t, nil
}

// submit starts a batch of requests, which are numbered from first on. The queue is
// empty before and after.
func (r *ring) submit(first, batch int) error {
	tail := r.requests.tail.Load()
	for i := range batch {
		r.sqes[tail&r.requests.mask] = sqe{opcode: ioringOpNop, userData: uint64(first + i)}
		tail++
	}
	r.requests.tail.Store(tail) // the kernel can read them from here on
	for r.requests.head.Load() != tail {
		n, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd),
			uintptr(tail-r.requests.head.Load()), 0, 0, 0, 0)
		switch {
		case errno == unix.EINTR:
		case errno != 0:
			return callError("io_uring_enter", errno)
		case n == 0:
			return errors.New("io_uring_enter took no request")
		}
	}
	return nil
}

// wait waits until the given number of requests is complete.
func (r *ring) wait(ctx context.Context, signals *notify.Notifier, seen []bool, requests int, t *tally) error {
	for requests > 0 {
		select {
		case hint := <-signals.C():
			t.receives++
			t.signals += hint
			n, err := r.empty(seen)
			if err != nil {
				return err
			}
			t.completions += n
			requests -= n
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// empty takes all completions in the queue.
func (r *ring) empty(seen []bool) (n int, err error) {
	head := r.done.head.Load()
	tail := r.done.tail.Load() // the kernel has written all entries before it
	for ; head != tail; head++ {
		c := r.cqes[head&r.done.mask]
		if c.res != 0 || c.userData >= uint64(len(seen)) || seen[c.userData] {
			return n, fmt.Errorf("request %d has result %d, or was complete before", c.userData, c.res)
		}
		seen[c.userData] = true
		n++
	}
	r.done.head.Store(head) // the kernel can write there again
	return n, err
}
