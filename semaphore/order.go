package semaphore

import "time"

// The order of service. A permit that is freed for a waiter can be taken by any goroutine
// until the waiter runs, as with sync.Mutex: to hand it over would leave it idle until then, and make each
// of a crowd of goroutines sleep for each permit. So that waiters are not overtaken for
// long, two phases take turns while there is a queue:
//
//   - In a window, which begins with the first waiter and is as long as patience, any
//     goroutine may take permits.
//   - Then all waiters that are in the queue by now, a generation, are handed their permits
//     in order, and other goroutines wait behind them. With the first waiter of the next
//     generation another window begins, unless it can have waited for longest already.
//
// A waiter therefore sees one window at most, and is served after it, however many others come.
// The time for handing over grows with the queue, and the window stays as it is. With a
// window for each waiter, counted from when it came, a large queue would leave no time to
// overtake at all: the next waiter would have waited for long when it becomes the first.
// docs/benchmarks.md says how patience was chosen.

const (
	// patience is how long a window is.
	patience = int64(50 * time.Microsecond)
	// longest is how long a waiter can have waited when its window begins, so that none is
	// overtaken that has waited for 1 ms.
	longest = int64(900 * time.Microsecond)
)

// mostOvertakes is how often waiters may be overtaken in a window, which matters where
// time stands still, as in a testing/synctest bubble. It is more than fit into the patience
// elsewhere: to overtake and to release costs three atomic operations on one cache line
// and a look at the clock, 50 ns or more, so 50 µs have room for about 1,000.
const mostOvertakes = 4096

var epoch = time.Now()

// Semaphore.since is 0, or a time in nanoseconds, possibly before epoch, with two flags in
// the last bits.
const (
	queued = 2 // there are waiters
	window = 1 // the time is when a window began; without it, when the window was seen to be over
)

// now returns the time with both flags.
func now() int64 { return int64(time.Since(epoch)) | queued | window }

// passable reports whether a goroutine that runs may take permits though others wait.
// No goroutine overtakes a waiter that wants more permits than can be free, in either phase. The
// caller holds the lock.
func (s *Semaphore) passable() bool {
	if s.count.FD() != nil {
		return s.waiters.Len() == 0
	}
	if s.large > 0 {
		return false
	}
	if !s.overdue() {
		return true
	}
	if s.since.Load()&window != 0 {
		s.handOver(now())
	}
	return false
}

// handOver ends the window, so that no goroutine has to look at the clock. The caller holds the
// lock.
func (s *Semaphore) handOver(now int64) {
	s.since.Store(now &^ window)
	s.generation++
}

// overdue reports whether there is a queue and no window: its time is over, or the waiters
// have been overtaken often.
func (s *Semaphore) overdue() bool {
	since := s.since.Load()
	if since&window == 0 {
		return since != 0
	}
	return s.count.Tally.Load() >= mostOvertakes || now()-since >= patience
}

// overtake counts that a goroutine has taken permits although others wait, if they do.
func (s *Semaphore) overtake() {
	if s.since.Load() != 0 {
		s.count.Tally.Add(1)
	}
}

// setFirst is called when another waiter has become the first, or none is left. The
// caller holds the lock.
func (s *Semaphore) setFirst() {
	p, since := s.waiters.First(), s.since.Load()
	switch {
	case p == nil:
		s.since.Store(0)
	case since == 0:
		s.since.Store(now())
	case since&window != 0 || p.Value.generation != s.generation:
		return // the window or the generation goes on
	default:
		if now := now(); now-since < longest {
			s.since.Store(now)
		} else {
			s.handOver(now)
		}
	}
	s.count.Tally.Store(0)
}

// queue puts a waiter at the end of the queue. The caller holds the lock.
func (s *Semaphore) queue(p *place) {
	p.Value.generation = s.generation
	if p.Value.permits > 1 {
		s.large++
	}
	s.slow.Add(1)
	s.waiters.Push(p)
	if s.waiters.First() == p {
		s.setFirst()
	}
}

// unqueue takes a waiter out of the queue and reports whether it was there. The
// caller holds the lock.
func (s *Semaphore) unqueue(p *place) bool {
	first := s.waiters.First() == p
	if !s.waiters.Remove(p) {
		return false
	}
	if p.Value.permits > 1 {
		s.large--
	}
	s.slow.Add(^uint64(0))
	if first {
		s.setFirst()
	}
	return true
}
