package poller

import (
	"github.com/eventchan/eventchan/internal/lead"
	"github.com/eventchan/eventchan/internal/rawefd"
)

// A Source is a descriptor of which its owner wants to know when it becomes readable. It
// is watched from the first Arm on. The owner calls one method at a time and keeps the descriptor
// open until Close.
//
// An armed Source costs each write to the descriptor a wake-up of the poller.
// So an owner that finds no waiter in its handler disarms it, and arms it again when one
// comes. While there always is a waiter that costs no system call, and while there is none
// the poller sleeps.
type Source struct {
	handler Handler
	loop    *loop // nil before the first Arm
	id      uint64
	num     int32
	armed   bool // asks for events
	needed  bool // the owner has sleepers
}

// A Handler must not block.
type Handler interface {
	// Ready is called after an event by the goroutine of the poller or by a sleeper that
	// leads it, or, if MustArm has failed, by another.
	Ready()
}

// NewSource returns a Source that is not watched yet.
func NewSource(num int, handler Handler) Source {
	return Source{num: int32(num), handler: handler}
}

// Arm has Ready called for every edge from now on, and soon if the
// descriptor is readable already.
func (s *Source) Arm() error {
	err := s.Prepare()
	if err == nil {
		s.loop.post.Ensure()
	}
	return err
}

// Prepare is Arm for an owner that then calls Lead.
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

// Lead reports whether l, which is about to sleep, leads. It does if l is not nil,
// nothing else sleeps, and no other source is armed. Otherwise Ready will be called by
// another goroutine.
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

// Rest says that nothing sleeps for the source now. It stays armed.
func (s *Source) Rest() { s.need(false) }

// MustArm is Arm for owners that cannot return an error: then Ready is called after
// a while, so that it can try again.
func (s *Source) MustArm() {
	if s.Arm() != nil {
		s.Retry()
	}
}

// Disarm stops the calls, except for one that is on its way and one for an error
// condition. The kernel reports that condition unasked: an eventfd has it once the
// kernel itself has brought its count to 1<<64 - 1. EventOneShot is the only flag that
// limits this to one report. Without it the condition is reported as long as it lasts.
func (s *Source) Disarm() {
	if s.armed && s.loop.Modify(int(s.num), rawefd.EventOneShot, s.id) == nil {
		s.count(false)
	}
	s.need(false)
}

// Close ends the watching for good, before the descriptor is closed.
func (s *Source) Close() {
	if s.loop == nil {
		return
	}
	mu.Lock()
	defer mu.Unlock()
	s.loop.Delete(int(s.num))
	s.forget()
}
