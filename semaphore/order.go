package semaphore

import "time"

// The order of service. Until a woken waiter runs, any goroutine can take the permit that was
// released for it, as with sync.Mutex. Handing the permit over directly would leave it idle
// until the waiter runs and, under contention, would make every goroutine sleep for every
// permit. To bound how long waiters are overtaken, two phases take turns while there is a
// queue:
//
//   - In a window, which begins with the first waiter and is as long as patience, any
//     goroutine may take permits.
//   - Then the waiters that are in the queue by now, a generation, are handed their permits in
//     order, and other goroutines wait behind them. When the first waiter of the next generation
//     becomes the first of the queue, another window begins, unless that waiter can have waited
//     for longest already.
//
// A waiter therefore sees at most one window and is served after it, however many others come.
// The time for handing over grows with the queue, but the window does not. With a window for
// each waiter, counted from its arrival, a large queue would leave no time for overtaking: the
// next waiter would already have waited too long when it becomes the first. docs/benchmarks.md
// says how patience was chosen.

const (
	// patience is how long a window is.
	patience = int64(50 * time.Microsecond)
	// longest is how long a waiter can have waited when its window begins. It ensures that no
	// waiter is overtaken after it has waited for 1 ms.
	longest = int64(900 * time.Microsecond)
)

// mostOvertakes is how often waiters may be overtaken in a window. It matters where time
// stands still, as in a testing/synctest bubble. Elsewhere a window has room for fewer:
// overtaking and releasing take three atomic operations on one cache line and one reading of
// the clock, at least 50 ns together, so 50 µs have room for about 1,000.
const mostOvertakes = 4096

var epoch = time.Now()

// Semaphore.since is 0, or a time in nanoseconds, which can be before epoch, with two flags in
// the lowest bits.
const (
	queued = 2 // always set, so that since is not 0 while there are waiters
	window = 1 // the time is when a window began; without it, when the window was seen to be over
)

// now returns the time with both flags.
func now() int64 { return int64(time.Since(epoch)) | queued | window }

// passable reports whether a running goroutine may take permits even if others wait. A waiter
// that needs several permits is never overtaken, in either phase. The caller holds the lock.
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

// blocked reports whether the first waiter needs several permits of an eventfd and is not away. No
// goroutine of this process overtakes it, and looking whether it can be served reads /proc, which a
// TryAcquire leaves to what adds permits. The caller holds the lock.
func (s *Semaphore) blocked() bool {
	p := s.waiters.First()
	return p != nil && p.Value.permits > 1 && !p.Value.away() && s.count.FD() != nil
}

// handOver ends the window and begins the phase in which permits are handed over, so that
// goroutines no longer have to read the clock. The caller holds the lock.
func (s *Semaphore) handOver(now int64) {
	s.since.Store(now &^ window)
	s.generation++
}

// overdue reports whether there is a queue and its waiters must not be overtaken, because the
// window is over: its time has passed, or the waiters have been overtaken mostOvertakes times.
func (s *Semaphore) overdue() bool {
	since := s.since.Load()
	if since&window == 0 {
		return since != 0
	}
	return s.count.Tally.Load() >= mostOvertakes || now()-since >= patience
}

// overtake counts that a goroutine has taken permits, if others are waiting. In an exported
// Semaphore it has not overtaken them.
func (s *Semaphore) overtake() {
	if s.since.Load() != 0 && s.count.FD() == nil {
		s.count.Tally.Add(1)
	}
}

// setFirst is called when the queue has another first waiter, or none. It begins the phase of
// that waiter, unless the current phase goes on. The caller holds the lock.
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
	if s.count.FD() == nil {
		s.count.Tally.Store(0)
	}
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

// unqueue removes a waiter from the queue and reports whether it was there. The caller holds
// the lock.
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
	if s.waiters.Len() == 0 {
		s.settle()
	}
	return true
}
