package semaphore

import (
	"time"

	"github.com/eventchan/eventchan/internal/counter"
)

// LeadAlways makes each goroutine lead that can.
func LeadAlways() { counter.Steady = 0 }

// Waiting returns the number of waiters in the queue, C included.
func Waiting(s *Semaphore) int {
	s.count.LockShut()
	defer s.count.UnlockShut()
	return s.waiters.Len()
}

// Roused reports whether the first waiter was woken and has not run since.
func Roused(s *Semaphore) bool {
	s.count.LockShut()
	defer s.count.UnlockShut()
	p := s.waiters.First()
	return p != nil && p.Value.woken
}

// RouseAndRob wakes the waiter for a permit that did not come from Go code, and takes the
// permit. It reports whether it did: a waiter that has waited for long is granted it instead.
func RouseAndRob(s *Semaphore) (robbed bool) {
	s.count.Lock()
	defer s.count.Unlock()
	s.count.Word().AddHeld(1)
	s.ready()
	robbed, _ = s.count.Take(1)
	return robbed
}

// Retreat makes waiters for more than 1,024 permits retreat for d.
func Retreat(d time.Duration) (restore func()) {
	old := retreat
	retreat = func(int64, uint8) time.Duration { return d }
	return func() { retreat = old }
}

// Retreats reports whether the first waiter retreats, after another look at what is free.
func Retreats(s *Semaphore) bool {
	s.count.Lock()
	defer s.count.Unlock()
	s.serve()
	p := s.waiters.First()
	return p != nil && p.Value.retreats&retreating != 0 && !p.Value.woken
}

// Apart returns the number of goroutines that are waiting for more permits than the size.
func Apart(s *Semaphore) int {
	s.count.LockShut()
	defer s.count.UnlockShut()
	if r := s.rare.Load(); r != nil {
		return r.apart.Len()
	}
	return 0
}

// Poll takes n permits as an Acquire does before it waits.
func Poll(s *Semaphore, n int64) bool { return s.poll(nil, n) }

// Learn is what a waiter does that was woken, takes one of the free permits and finds the rest.
func Learn(s *Semaphore) {
	s.count.Word().Take(1)
	s.learn()
	s.count.Word().Add(1)
}

// Hand is a Release of n permits to waiters. It returns how many of them are left, before the lock
// is released.
func Hand(s *Semaphore, n int64) (left uint64, err error) {
	s.count.Lock()
	defer s.count.Unlock()
	if err := s.hand(n); err != nil {
		return 0, err
	}
	return s.count.Count()
}

// Serve calls add, and then serves waiters, with the lock held. It returns how many waiters are left.
func Serve(s *Semaphore, add func()) (waiting int) {
	s.count.Lock()
	defer s.count.Unlock()
	add()
	s.serve()
	return s.waiters.Len()
}

// Locked calls f with the lock held. hand is a Release of n permits that finds a waiter, and returns
// how many waiters are left.
func Locked(s *Semaphore, f func(hand func(n int64) (waiting int))) {
	s.count.Lock()
	defer s.count.Unlock()
	f(func(n int64) (waiting int) {
		s.hand(n)
		return s.waiters.Len()
	})
}
