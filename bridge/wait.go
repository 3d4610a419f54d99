package bridge

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/eventchan/eventchan/internal/ctxdone"
)

// A leader is what the leading goroutine has called Wait with, and what look has found for
// it. There is at most one at a time, and no other goroutine uses it. It is part of the Set,
// and look is made once per Set, so that going to sleep does not allocate.
type leader[K any] struct {
	ended <-chan struct{} // the Done channel of its ctx
	dst   []Event[K]
	result
	look func(uintptr) (done bool)
}

// A result is what Wait returns if done is set. Otherwise there was nothing to return.
type result struct {
	n    int
	done bool
	err  error
}

// errEnded says that the ctx of a Wait is done, where its methods must not be called: they can
// do anything, even panic.
var errEnded = errors.New("context done")

// wait is Wait without the checks.
func (s *Set[K]) wait(ctx context.Context, dst []Event[K]) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, s.refuse(err)
	}
	r := s.await(ctx, dst)
	if r.err == errEnded {
		r.err = ctxdone.Err(ctx)
	}
	return r.n, r.err
}

// refuse returns the error of a Wait whose ctx is already done, which is err unless the Set is closed.
func (s *Set[K]) refuse(err error) error {
	s.members.mu.Lock()
	defer s.members.mu.Unlock()
	if s.members.closed {
		return failedWait(os.ErrClosed)
	}
	return err
}

// await returns what wait returns, with errEnded in place of the error of ctx. It does not call
// methods of ctx with the lock held or while it leads.
func (s *Set[K]) await(ctx context.Context, dst []Event[K]) (r result) {
	m := &s.members
	var done <-chan struct{} // nil at first, because Wait has just seen that ctx is not done
	for watched := false; ; done = ctx.Done() {
		m.mu.Lock()
		r = s.look(done, dst)
		switch {
		case r.done:
			m.mu.Unlock()
			return r
		case m.leading:
			m.follow(ctx)
			continue
		case !watched:
			m.mu.Unlock()
			watched = true
			if done = ctx.Done(); done != nil {
				defer ctxdone.AfterFunc(ctx, done, m.in.Interrupt)()
			}
			// Here another goroutine can have become the leader or closed the Set. Otherwise this
			// one leads without looking again in this loop, because lead begins with a look, and each
			// look is a system call.
			m.mu.Lock()
			if m.leading || m.closed {
				m.mu.Unlock()
				continue
			}
		}
		m.leading = true
		m.mu.Unlock()
		if r = s.lead(done, dst); r.done {
			return r
		}
	}
}

// lead sleeps as the leader. The result is not done if it was interrupted. The result is
// taken out of s.leader before step, which allows the next goroutine to lead.
func (s *Set[K]) lead(done <-chan struct{}, dst []Event[K]) result {
	l := &s.leader
	l.ended, l.dst = done, dst
	s.members.lead(l.look)
	r := l.result
	l.ended, l.dst, l.result = nil, nil, result{}
	s.members.step()
	return r
}

// lookAsLeader is look for the leader.
func (s *Set[K]) lookAsLeader(uintptr) (done bool) {
	s.members.mu.Lock()
	defer s.members.mu.Unlock()
	l := &s.leader
	l.result = s.look(l.ended, l.dst)
	return l.done
}

// look polls once for Wait. done is the Done channel of its ctx. The caller holds the lock.
func (s *Set[K]) look(done <-chan struct{}, dst []Event[K]) result {
	if s.members.closed {
		return result{done: true, err: failedWait(os.ErrClosed)}
	}
	if ctxdone.Closed(done) {
		return result{done: true, err: errEnded}
	}
	if len(dst) == 0 {
		return result{done: true}
	}
	n, err := s.poll(dst)
	switch {
	case n > 0:
		err = nil // Wait's caller might ignore members beside an error; the next Wait reports it
	case err != nil:
		err = failedWait(err)
	}
	return result{n, n > 0 || err != nil, err}
}

func failedWait(err error) error { return fmt.Errorf("bridge: Set.Wait: %w", err) }
