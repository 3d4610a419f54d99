package semaphore

import "context"

// An eventfd hands out one permit per read(2), so that to take 3,000,000 permits takes
// seconds. Nobody holds the lock for that long: the goroutine that wants the permits,
// and no other, takes them in pieces and lets others have the lock in between. It does
// so as the first waiter, and stays the first waiter until it has all of them or puts
// back what it has, so that no other goroutine overtakes it.

// piece is how many permits are taken without a break, which takes less than a
// millisecond.
const piece = 1024

// veryMany is above how many permits it is worth to read /proc before taking any, which
// allocates.
const veryMany = 16 * piece

// many reports whether n permits are taken in pieces.
func (s *Semaphore) many(n int64) bool { return n > piece && s.count.FD() != nil }

// rouseMany wakes the first waiter if it may take what it needs in pieces. The caller
// holds the lock.
func (s *Semaphore) rouseMany(p *place) {
	switch {
	case p.Value.woken: // or it is taking them now; it serves the others afterwards
		s.count.Wake()
	case s.enough(p):
		p.Value.rouse()
	default:
		s.sleep(uint64(p.Value.permits), true)
	}
}

// hopeless reports whether n are very many permits and fewer are free. Where /proc does
// not say so, there is hope.
func (s *Semaphore) hopeless(n int64) bool {
	if n <= veryMany {
		return false
	}
	count, err := s.count.Count()
	return err == nil && count < uint64(n)
}

// takePieces takes what the first waiter needs, or nothing if there is too little, ctx
// ends or Close comes. The caller holds the lock, which others get in between.
func (s *Semaphore) takePieces(ctx context.Context, w *waiter) (took bool, err error) {
	if s.hopeless(w.permits) {
		return false, nil
	}
	s.taking, w.woken = true, true
	defer func() { s.taking, w.woken = false, false }()
	for taken := int64(0); ; {
		n := min(piece, w.permits-taken)
		took, err = s.take(n)
		if took {
			taken += n
			if taken == w.permits {
				return true, nil
			}
		}
		if !took || !s.count.Yield() || ctx.Err() != nil {
			s.count.PutBack(uint64(taken))
			return false, err
		}
	}
}

// tryMany is the slow path of TryAcquire where permits are taken in pieces. The caller
// holds the lock.
func (s *Semaphore) tryMany(n int64) bool {
	if s.waiters.Len() > 0 || s.hopeless(n) {
		return false
	}
	p := s.vacant(n, nil)
	s.queue(p)
	open := s.takeWoken(context.Background(), p)
	p.Value.busy.Store(false)
	s.unqueue(p)
	if open {
		s.serve()
	}
	return p.Value.granted.Load()
}
