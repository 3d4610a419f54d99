package bridge

import (
	"errors"
	"os"
	"slices"

	"github.com/eventchan/eventchan/internal/poller"
	"github.com/eventchan/eventchan/internal/rawefd"
)

// Some files report Priority to one poll only (see rawefd.Pulses); such an event is called
// a pulse. Others, such as cgroup.events, report it until they are read. The two cannot be
// distinguished, so it counts as a pulse for them as well. In an epoll instance that is
// itself watched, the poll that takes the pulse is not the Set's. But these files are always
// readable, so an edge of Readable stands for Priority, as in internal/poller/pulse.go. The
// kernel reports each edge once. A pulse that was fetched but not returned yet is therefore
// kept in its slot.

// register registers a slot with the kernel. call is Add or Modify.
func (m *members) register(at int32, call func(num int, bits uint32, id uint64) error) (err error) {
	s := &m.slots[at]
	num, pulsed := int(s.num), s.pulses
	if s.pulses = false; s.bits&Priority != 0 {
		if s.pulses, err = rawefd.Pulses(num); err != nil {
			return err
		}
	}
	if !s.pulses {
		return call(num, s.asks(), m.id(at))
	}
	if current, ok := m.numbers[s.num]; !ok || current != at { // call adds a registration
		if err := poller.Room(m.in); err != nil {
			return err
		}
	}
	pending, err := rawefd.Poll(num, uint32(s.bits)) // takes the pulse, if there is one
	if err == nil {
		err = call(num, s.asks(), m.id(at))
	}
	if err != nil && (errors.Is(err, os.ErrNotExist) || rawefd.CheckOpen(num) != nil) {
		pending = 0 // the number is or was another file's, and Poll can have asked that one
	}
	if pending &= uint32(s.bits); pending != 0 {
		m.keepPulse(at, Events(pending))
	}
	if err == nil && !pulsed {
		m.dropEdge(at)
	}
	return err
}

// asks returns the bits that the slot is registered for.
func (s *slot) asks() uint32 {
	if s.pulses {
		return uint32(s.bits) | rawefd.EventIn | rawefd.EventEdge
	}
	return uint32(s.bits)
}

// dropEdge drops the edge that registering a pulsing file makes, which is not a pulse. The
// kernel has put that edge behind all ready members, so dropEdge fetches them all, and
// keeps the pulses of other members. It does not reach the edge if more aliens are ready
// than the latest poll has met. A pulse that has come since register polled the file is
// dropped with the edge, as the comment of Set.Add says.
func (m *members) dropEdge(at int32) {
	events := make([]rawefd.RawEvent, len(m.slots)+len(m.met))
	got, err := m.in.Fetch(events)
	if err != nil {
		return // the edge is reported as a pulse that never was, which is harmless
	}
	for i := range events[:got] {
		if other, ok := m.at(events[i].ID()); ok && other != at && m.slots[other].pulses {
			m.keepPulse(other, m.slots[other].pulseBits(Events(events[i].Bits())))
		}
	}
}

// pulseBits returns the events that an edge of a pulsing file stands for.
func (s *slot) pulseBits(bits Events) Events { return bits&(s.bits|unasked) | Priority }

// keepPulse keeps fetched events for a later poll, and makes the leader look again. Go's
// poller might not wake the leader, because by the time it asks the kernel, the events have
// been fetched.
func (m *members) keepPulse(at int32, bits Events) {
	if !slices.Contains(m.pulsed, at) { // it can be there without a pulse, or for an earlier member
		m.pulsed = append(m.pulsed, at)
	}
	m.slots[at].pulse |= bits
	if m.leading {
		m.in.Interrupt()
	}
}

// hasPulse reports whether a slot of m.pulsed still has a member, and what was kept for it.
func (m *members) hasPulse(at int32) bool { return m.slots[at].gen != 0 && m.slots[at].pulse != 0 }

// takePulses adds up to n members with kept events to m.found.
func (m *members) takePulses(n int) {
	kept := m.pulsed
	for ; len(kept) > 0 && len(m.found) < n; kept = kept[1:] {
		s := &m.slots[kept[0]]
		if m.hasPulse(kept[0]) {
			s.turn = m.turn
			m.found = append(m.found, found{kept[0], s.pulse})
		}
		s.pulse = 0
	}
	m.pulsed = append(m.pulsed[:0], kept...)
}
