package bridge

import (
	"context"
	"fmt"
	"os"
)

// A leader is what the leading goroutine has called Wait with, and what look has found for
// it. There is at most one at a time, and no other goroutine uses it. It is part of the Set,
// and look is made once per Set, so that going to sleep does not allocate.
type leader[K any] struct {
	ctx context.Context
	dst []Event[K]
	result
	look func(uintptr) (done bool)
}

// A result is what Wait returns if done is set. Otherwise there was nothing to return.
type result struct {
	n    int
	done bool
	err  error
}

// wait is Wait without the checks.
func (s *Set[K]) wait(ctx context.Context, dst []Event[K]) (int, error) {
	m := &s.members
	for {
		m.mu.Lock()
		r := s.look(ctx, dst)
		switch {
		case r.done:
			m.mu.Unlock()
		case m.leading:
			m.follow(ctx)
		default:
			m.leading = true
			m.mu.Unlock()
			r = s.lead(ctx, dst)
		}
		if r.done {
			return r.n, r.err
		}
	}
}

// lead sleeps as the leader. The result is not done if it was interrupted. The result is
// taken out of s.leader before step, which allows the next goroutine to lead.
func (s *Set[K]) lead(ctx context.Context, dst []Event[K]) result {
	l := &s.leader
	l.ctx, l.dst = ctx, dst
	s.members.lead(ctx, l.look)
	r := l.result
	l.ctx, l.dst, l.result = nil, nil, result{}
	s.members.step()
	return r
}

// lookAsLeader is look for the leader.
func (s *Set[K]) lookAsLeader(uintptr) (done bool) {
	s.members.mu.Lock()
	defer s.members.mu.Unlock()
	l := &s.leader
	l.result = s.look(l.ctx, l.dst)
	return l.done
}

// look polls once for Wait. The caller holds the lock.
func (s *Set[K]) look(ctx context.Context, dst []Event[K]) result {
	if s.members.closed {
		return result{done: true, err: failedWait(os.ErrClosed)}
	}
	if err := ctx.Err(); err != nil || len(dst) == 0 {
		return result{done: true, err: err}
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
