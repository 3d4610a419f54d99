package semaphore

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/eventchan/eventchan/internal/ctxdone"
)

// Each read(2) of an eventfd takes one permit, so taking 3,000,000 permits takes seconds. The
// lock is not held for that long: the goroutine that needs the permits takes them itself, in
// pieces, and lets others have the lock in between. It does so as the first waiter. It stays
// the first waiter until it has all of the permits or has put them back, so no other goroutine
// of this process overtakes it.

// piece is the number of permits that are taken without releasing the lock, which takes less
// than a millisecond.
const piece = 1024

// veryMany is the number of permits above which it is worth reading /proc, which allocates,
// before taking any.
const veryMany = 16 * piece

// many reports whether n permits are taken in pieces.
func (s *Semaphore) many(n int64) bool { return n > piece && s.count.FD() != nil }

// rouseMany wakes the first waiter, which needs many permits, if enough are free. The caller
// holds the lock.
func (s *Semaphore) rouseMany(p *place) {
	switch {
	case p.Value.away(): // it serves the others afterwards
		s.serveBehind(p)
		s.count.Wake()
	case s.enough(p):
		p.Value.hopeful = true
		s.rouse(p)
		s.serveBehind(p)
	default:
		s.sleep(uint64(p.Value.permits), true)
	}
}

// away reports whether the first waiter, which needs many permits, takes them itself, or was woken to do
// so and does not run yet, or retreats. It must not make others wait for permits that it does not need.
func (w *waiter) away() bool { return w.woken || w.retreats&retreating != 0 }

// serveBehind serves the waiters behind the first one, in FIFO order, while permits are free beside
// those that all before them lack. C, and a waiter that needs many, wait until the first one is done.
// serveBehind takes at most a piece and then wakes the next waiter, which calls serve. It serves none if
// the system does not show the count. The caller holds the lock.
func (s *Semaphore) serveBehind(first *place) {
	if first.Next() == nil {
		return
	}
	free, shown := s.shown()
	if !shown {
		return
	}
	served := int64(0)
	for p, next := first, first; p != nil && uint64(p.Value.permits) <= free; p = next {
		n := p.Value.permits
		next, free = p.Next(), free-uint64(n)
		if p == first || p.Value.wake == nil || s.many(n) || p.Value.taking {
			continue
		}
		if served += n; served > piece {
			s.rouse(p)
			return
		}
		took, err := s.take(n)
		if err != nil {
			s.fail(p, err)
		}
		if !took {
			return
		}
		s.unqueue(p)
		s.grant(p)
	}
}

// shown returns how many permits are free if the system shows it. If it does so usually and just has no
// descriptor to spare, serve is called again later, for those behind the first waiter. The caller holds
// the lock.
func (s *Semaphore) shown() (free uint64, ok bool) {
	free, err := s.count.Count()
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		s.count.Retry()
	}
	return free, err == nil
}

// hopeless reports whether n is more than veryMany and fewer permits are free. It returns false
// if the system does not show the count.
func (s *Semaphore) hopeless(n int64) bool {
	if n <= veryMany {
		return false
	}
	count, err := s.count.Count()
	return err == nil && count < uint64(n)
}

// ample reports whether n permits are free beside those that all waiters lack. It returns false unless the
// first waiter is away, and if the system does not show the count. The caller holds the lock.
func (s *Semaphore) ample(n int64) bool {
	p := s.waiters.First()
	if s.count.FD() == nil || p == nil || !p.Value.away() {
		return false
	}
	free, shown := s.shown()
	if !shown {
		return false
	}
	for ; p != nil; p = p.Next() {
		if uint64(p.Value.permits) > free {
			return false
		}
		free -= uint64(p.Value.permits)
	}
	return uint64(n) <= free
}

// takePieces takes the permits that the first waiter needs, or none if too few are free, its ctx
// is done or Close is called. The caller holds the lock, which takePieces releases in between.
func (s *Semaphore) takePieces(done <-chan struct{}, w *waiter) (took bool, err error) {
	if s.hopeless(w.permits) {
		w.hopeful = false // it has disturbed no other
		return false, nil
	}
	need := w.permits
	w.taking, w.woken = true, true
	defer func() { w.taking, w.woken, w.permits = false, false, need }()
	for {
		n := min(piece, w.permits)
		took, err = s.take(n)
		if took {
			if w.permits -= n; w.permits == 0 {
				return true, nil
			}
		}
		if !took || !s.count.Yield() || ctxdone.Closed(done) {
			s.count.PutBack(uint64(need - w.permits))
			return false, err
		}
	}
}

const (
	retreating  = 1 << 7 // in waiter.retreats, which only the goroutine of the waiter changes
	behind      = 1 << 6 // in waiter.retreats of one that was not the first; see enough
	mostCounted = 5      // bounds what retreat returns
)

// tried notes that the first waiter has taken its permits in pieces, or has failed to.
func (w *waiter) tried() {
	if w.hopeful {
		w.hopeful, w.retreats = false, min(w.retreats&^retreating+1, mostCounted)|retreating
	}
}

// retreat returns for how long a waiter for n permits does not try again after it has not got them although
// enough were free. Another process may have taken the rest for an Acquire of its own, which then failed as
// well. If both began again together, each would take a part again and again. The time is therefore random.
// It is of the order of what an attempt takes, at first, and grows with each conflict, as in Ethernet: when
// both CPUs were free, two waiters that kept to that order sometimes went on for 17 s.
var retreat = func(n int64, retreats uint8) time.Duration {
	return rand.N(time.Duration(min(n, 2_000_000)) * time.Microsecond / 4 << (retreats &^ retreating))
}

// tryMany is the slow path of TryAcquire where permits are taken in pieces. It is called if no
// goroutine waits, or if enough permits are free for all of them and this one. The caller holds the
// lock.
func (s *Semaphore) tryMany(n int64) bool {
	if s.hopeless(n) {
		return false
	}
	p := s.vacant(n, nil)
	s.queue(p)
	open := s.takeWoken(nil, p)
	p.Value.busy.Store(false)
	s.unqueue(p)
	if open {
		s.serve()
	}
	return p.Value.granted.Load()
}
