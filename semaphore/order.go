package semaphore

import "time"

// patience is how long a waiter may be passed by others who happen to run.
const patience = int64(100 * time.Microsecond)

// mostOvertakes is how often a waiter may be overtaken, which matters where time stands
// still, as in a testing/synctest bubble. It is more than fit into the patience
// elsewhere: to overtake and to release costs three atomic operations on one cache line
// and a look at the clock, 50 ns or more, so 100 µs have room for about 2,000.
const mostOvertakes = 4096

var epoch = time.Now()

// now is never 0.
func now() int64 { return int64(time.Since(epoch)) | 1 }

// passable reports whether a goroutine that runs may take permits though others
// wait: a permit that was freed for a waiter is anybody's until he runs, as with
// sync.Mutex. To hand it over would leave it idle meanwhile, and make each of a
// crowd of goroutines sleep for each permit. But nobody passes a waiter who wants
// more permits than may be free, nor one who has waited long. The caller holds
// the lock.
func (s *Semaphore) passable() bool {
	if s.count.FD() != nil {
		return s.waiters.Len() == 0
	}
	return s.large == 0 && !s.overdue()
}

// overdue reports whether the first waiter has waited long or has been overtaken often.
func (s *Semaphore) overdue() bool {
	since := s.since.Load()
	return since != 0 && (s.count.Tally.Load() >= mostOvertakes || now()-since >= patience)
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
	var since int64
	if p := s.waiters.First(); p != nil {
		since = p.Value.since
	}
	s.count.Tally.Store(0)
	s.since.Store(since)
}

// queue puts a waiter at the end of the queue. The caller holds the lock.
func (s *Semaphore) queue(p *place) {
	p.Value.since = now()
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
