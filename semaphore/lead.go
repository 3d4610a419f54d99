package semaphore

// A wake is the channel by which a waiter is woken.
type wake chan struct{}

// Served reports whether the waiter has been woken.
func (w wake) Served() bool { return len(w) > 0 }

// alone reports whether at most one goroutine waits, and C is not in use. The caller holds
// the lock.
func (s *Semaphore) alone() bool { return s.waiters.Len() <= 1 && s.c.Load() == nil }

// The Tally of an exported Semaphore, where no waiter is overtaken, is a hint for the next Acquire.
const (
	found = 1 // an Acquire has found a permit in the eventfd and has not slept
	leads = 2 // the last waiter leads: the next one can leave it to leadFirst to look for permits
)

// lead decides whether a waiter, which is about to sleep after Prepare, is going to lead.
// One that needs several permits of an eventfd does not, because it also looks at intervals.
// The caller holds the lock.
func (s *Semaphore) lead(done <-chan struct{}, p *place) {
	alone := s.alone() && (p.Value.permits == 1 || s.count.FD() == nil)
	p.Value.leads = s.count.Lead(done, p.Value.wake, alone)
	if p.Value.leads && s.count.FD() != nil {
		s.count.Tally.Store(leads)
	}
}

// leadFirst returns the place of a waiter that leads without having looked for permits,
// which a leader does anyway before it waits, or nil. The source is armed already, so
// Prepare makes no event of what is there. The caller holds the lock.
func (s *Semaphore) leadFirst(done <-chan struct{}, n int64) *place {
	if s.count.FD() == nil || n != 1 || s.waiters.Len() > 0 {
		return nil
	}
	if s.count.Tally.Swap(0) == found {
		s.count.Unlike()
	}
	if !s.count.Armed() || !s.count.JoinRow(done, s.alone()) || s.count.Prepare() != nil {
		return nil
	}
	p := s.vacant(n, nil)
	s.queue(p)
	s.lead(done, p)
	if p.Value.leads {
		return p
	}
	s.unqueue(p)
	p.Value.busy.Store(false)
	return nil
}

// hasty notes that an Acquire has found a permit in the eventfd and has not slept.
func (s *Semaphore) hasty() {
	if s.count.Tally.Load() == 0 {
		s.count.Tally.Store(found)
	}
}

// settle is called when the last waiter has left the queue. The source stays armed for a
// while, so that Acquires that follow each other closely need no system call to arm it.
// The caller holds the lock.
func (s *Semaphore) settle() {
	if s.c.Load() == nil {
		s.count.Linger()
	}
}
