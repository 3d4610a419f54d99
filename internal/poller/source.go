package poller

import (
	"github.com/eventchan/eventchan/internal/lead"
	"github.com/eventchan/eventchan/internal/rawefd"
)

// A Source reports when a descriptor becomes readable. The descriptor is watched from the
// first Arm on. The owner calls one method at a time and keeps the descriptor open until Close.
//
// While a Source is armed, each write to the descriptor wakes the poller. An owner that finds
// no waiter in its handler therefore disarms the Source, and arms it again when a waiter comes.
// As long as there always is a waiter, this costs no system call; while there is none, the
// poller sleeps.
type Source struct {
	handler Handler
	loop    *loop // nil before the first Arm
	id      uint64
	num     int32
	armed   bool // asks for events
	needed  bool // the owner has sleepers
}

// A Handler is what a Source calls. It must not block.
type Handler interface {
	// Ready is called after an event, by the poller or by a sleeper that leads, or after
	// Retry, by another goroutine.
	Ready()
}

// NewSource returns a Source that is not watched yet.
func NewSource(num int, handler Handler) Source {
	return Source{num: int32(num), handler: handler}
}

// Arm makes the poller call Ready for every edge from now on, and soon if the
// descriptor is already readable.
func (s *Source) Arm() error {
	err := s.Prepare()
	if err == nil {
		s.loop.post.Ensure()
	}
	return err
}

// Prepare is Arm without a goroutine that waits for events. The owner then calls Lead.
func (s *Source) Prepare() (err error) {
	const bits = rawefd.EventIn | rawefd.EventEdge
	switch {
	case s.loop == nil:
		err = s.register(bits)
	case !s.armed:
		err = s.arm(bits)
	}
	if err == nil {
		s.need(true)
	}
	return err
}

// Lead reports whether l, which is about to sleep, leads (see package lead). It leads if it is
// not nil, nothing else sleeps, and no other source is armed. Otherwise another goroutine
// will call Ready.
func (s *Source) Lead(l *lead.Leader) bool {
	in := s.loop
	if l != nil && in.nested && in.armed.Load() == 1 {
		return l.Take(in.post)
	}
	in.post.Ensure()
	return false
}

// Armed reports whether events are reported.
func (s *Source) Armed() bool { return s.armed }

// Needed reports whether the owner has said that a sleeper waits for the source.
func (s *Source) Needed() bool { return s.needed }

// Rest is called when no sleeper waits for the source any more. The source stays armed.
func (s *Source) Rest() { s.need(false) }

// MustArm is Arm for owners that cannot return an error. If arming fails, the poller calls
// Ready after retryDelay, so that the owner can try again.
func (s *Source) MustArm() {
	if s.Arm() != nil {
		s.Retry()
	}
}

// Disarm stops the calls of Ready, except for one that has already begun and one for an error
// condition. The kernel always reports that condition: an eventfd has it once the
// kernel itself has raised its count to 1<<64 - 1. EventOneShot is the only flag that
// limits this to one report. Without it, the condition is reported as long as it lasts.
func (s *Source) Disarm() {
	if s.armed && s.loop.Modify(int(s.num), rawefd.EventOneShot, s.id) == nil {
		s.count(false)
	}
	s.need(false)
}

// Close stops watching for good. It is called before the descriptor is closed.
func (s *Source) Close() {
	if s.loop == nil {
		return
	}
	mu.Lock()
	defer mu.Unlock()
	s.loop.Delete(int(s.num))
	s.forget()
}
