package bridge

import (
	"errors"
	"os"

	"github.com/eventchan/eventchan/internal/rawefd"
)

// Some files give Priority to one poll only (see rawefd.Pulses), which in an epoll
// instance that is itself watched is not the poll that counts. They are readable at any
// time, so an edge of their being readable stands for Priority, as in
// internal/poller/pulse.go. The kernel reports it once. What poll cannot return is kept
// here.

// register registers a slot with the kernel, by Add or Modify.
func (m *members) register(at int32, call func(num int, bits uint32, id uint64) error) (err error) {
	s := &m.slots[at]
	num, pulsed := int(s.num), s.pulses
	if s.pulses = false; s.bits&Priority != 0 {
		if s.pulses, err = rawefd.Pulses(num); err != nil {
			return err
		}
	}
	if !s.pulses {
		return call(num, uint32(s.bits), m.id(at))
	}
	pending, err := rawefd.Poll(num, uint32(s.bits)) // which takes the pulse
	if err == nil {
		err = call(num, uint32(s.bits)|rawefd.EventIn|rawefd.EventEdge, m.id(at))
	}
	if pending &= uint32(s.bits); pending != 0 && !errors.Is(err, os.ErrNotExist) { // or it is another file's
		m.keepPulse(at, Events(pending))
	}
	if err == nil && !pulsed {
		m.dropEdge(at)
	}
	return err
}

// dropEdge fetches the edge that registering has made, which is not a pulse, and keeps
// those of other members. It is behind all that are ready.
func (m *members) dropEdge(at int32) {
	events := make([]rawefd.RawEvent, len(m.slots)+m.alien)
	got, err := m.in.Fetch(events)
	if err != nil {
		return // one pulse too many
	}
	for i := range events[:got] {
		if other, ok := m.at(events[i].ID()); ok && other != at && m.slots[other].pulses {
			m.keepPulse(other, m.slots[other].pulseBits(Events(events[i].Bits())))
		}
	}
}

// pulseBits returns what an edge of a file that pulses means.
func (s *slot) pulseBits(bits Events) Events { return bits&(s.bits|unasked) | Priority }

// keepPulse has a later poll return what was fetched, and the leader look again: by the
// time that Go's poller asks, there can be nothing to fetch any more, and then it does not
// wake the leader.
func (m *members) keepPulse(at int32, bits Events) {
	if m.slots[at].pulse == 0 {
		m.pulsed = append(m.pulsed, at)
	}
	m.slots[at].pulse |= bits
	if m.leading {
		m.in.Interrupt()
	}
}

// takePulses has poll return up to n of what was kept.
func (m *members) takePulses(n int) {
	kept := m.pulsed
	for ; len(kept) > 0 && len(m.found) < n; kept = kept[1:] {
		s := &m.slots[kept[0]]
		if s.gen != 0 && s.pulse != 0 {
			s.turn = m.turn
			m.found = append(m.found, found{kept[0], s.pulse})
		}
		s.pulse = 0
	}
	m.pulsed = append(m.pulsed[:0], kept...)
}
