package bridge

import (
	"errors"
	"fmt"
	"math"
	"os"
	"sync"

	"github.com/eventchan/eventchan/internal/poller"
	"github.com/eventchan/eventchan/internal/rawefd"
)

// members are a Set without its keys. The epoll instance is level-triggered, and the
// kernel puts a member that it has reported at the end of its list, which makes turns.
//
// A registration that was not deleted, since its number had come to mean another file,
// lives on while a duplicate keeps the file open: an alien. Its events are ignored, since
// each registration has an ID of its own. They take room in the kernel's answer, and so
// poll asks for more events by as many as it has seen of them.
type members struct {
	mu      sync.Mutex // guards all below
	in      *poller.Instance
	slots   []slot
	free    []int32 // slots
	numbers map[int32]int32
	aliens  map[int32]bool // numbers that had one
	lastGen uint32
	closed  bool

	turn   uint32 // of the current poll
	raw    []rawefd.RawEvent
	found  []found
	alien  int     // how many events of aliens the latest fetch had
	pulsed []int32 // slots with a pulse that poll has not returned

	sleepers // goroutines, and C
}

// A slot is a member, or free.
type slot struct {
	num    int32
	gen    uint32 // 0: free
	bits   Events
	turn   uint32 // the poll that returned it last
	pulse  Events // what was fetched and not returned; see pulses.go
	pulses bool
}

// found is what poll returns of a member.
type found struct {
	slot   int32
	events Events
}

func (m *members) open() (err error) {
	m.in, err = poller.NewInstance()
	m.numbers, m.aliens = make(map[int32]int32), make(map[int32]bool)
	return err
}

// id is what the kernel returns with an event of a slot. A slot that is used again has
// another one, so an event never reaches a later member.
func (m *members) id(at int32) uint64 { return uint64(m.slots[at].gen)<<32 | uint64(uint32(at)) }

// at returns the slot of an event, or false if its member is gone.
func (m *members) at(id uint64) (int32, bool) {
	at := uint32(id)
	return int32(at), int(at) < len(m.slots) && m.slots[at].gen == uint32(id>>32)
}

func (m *members) add(fd int, events Events) (at int, err error) {
	if m.closed {
		return 0, os.ErrClosed
	}
	if fd < 0 || fd > math.MaxInt32 {
		return 0, fmt.Errorf("not a possible descriptor number: %w", os.ErrInvalid)
	}
	if err := events.check(); err != nil {
		return 0, err
	}
	if len(m.free) == 0 {
		m.slots = append(m.slots, slot{})
		m.free = append(m.free, int32(len(m.slots)-1))
	}
	next := m.free[len(m.free)-1]
	s := &m.slots[next]
	*s = slot{num: int32(fd), gen: m.nextGen(), bits: events}
	err = m.register(next, m.in.Add)
	if m.aliens[s.num] && errors.Is(err, os.ErrExist) {
		// The number means the alien's file again, or else the member's, which epoll does
		// not say. In the latter case the member is replaced by itself.
		err = m.register(next, m.in.Modify)
	}
	if err != nil {
		s.gen = 0
		return 0, err
	}
	m.free = m.free[:len(m.free)-1]
	if old, ok := m.numbers[s.num]; ok { // the kernel says that it was another file's
		m.aliens[s.num] = true
		m.forget(old)
	}
	m.numbers[s.num] = next
	return int(next), nil
}

func (m *members) nextGen() uint32 {
	m.lastGen = max(m.lastGen+1, 1)
	return m.lastGen
}

// member returns the slot of a number.
func (m *members) member(fd int) (int32, error) {
	if m.closed {
		return 0, os.ErrClosed
	}
	if fd >= 0 && fd <= math.MaxInt32 {
		if at, ok := m.numbers[int32(fd)]; ok {
			return at, nil
		}
	}
	return 0, fmt.Errorf("not in the set: %w", os.ErrNotExist)
}

func (m *members) change(fd int, events Events) error {
	if err := events.check(); err != nil {
		return err
	}
	at, err := m.member(fd)
	if err != nil {
		return err
	}
	s := &m.slots[at]
	old := *s
	s.bits = events
	if m.aliens[s.num] { // whose file the number may mean: then it becomes the member's
		s.gen = m.nextGen()
	}
	if err := m.register(at, m.in.Modify); err != nil {
		s.gen, s.bits, s.pulses = old.gen, old.bits, old.pulses
		s.pulse &= old.bits
		return err
	}
	s.pulse &= events
	return nil
}

func (m *members) remove(fd int) (at int32, err error) {
	if at, err = m.member(fd); err != nil {
		return 0, err
	}
	if m.in.Delete(fd) != nil {
		m.aliens[int32(fd)] = true
	}
	delete(m.numbers, int32(fd))
	m.forget(at)
	return at, nil
}

func (m *members) forget(at int32) {
	m.slots[at].gen = 0
	m.free = append(m.free, at)
}

// poll returns at most n members that are ready. They are good until the next poll.
func (m *members) poll(n int) ([]found, error) {
	m.found = m.found[:0]
	if m.closed || n == 0 {
		return nil, nil
	}
	m.turn++
	m.takePulses(n)
	for len(m.found) < n {
		want := n + m.alien // of which the kernel fills all only if some are more aliens
		if cap(m.raw) < want {
			m.raw = make([]rawefd.RawEvent, want)
		}
		got, err := m.in.Fetch(m.raw[:want])
		if err != nil {
			m.refill(true) // the caller of Poll does not hear of the error
			return m.found, err
		}
		m.alien = m.take(m.raw[:got], n)
		if got < want {
			break // there is no more
		}
	}
	m.refill(len(m.found) > 0)
	return m.found, nil
}

// take adds events to those found, up to n in all, and returns how many are of
// aliens.
func (m *members) take(events []rawefd.RawEvent, n int) (alien int) {
	for i := range events {
		at, ok := m.at(events[i].ID())
		if !ok {
			alien++
			continue
		}
		s, bits := &m.slots[at], Events(events[i].Bits())
		if s.pulses {
			bits = s.pulseBits(bits)
		}
		switch {
		case s.turn == m.turn:
			// It is in found already, and comes again with the next poll.
		case len(m.found) < n:
			s.turn = m.turn
			m.found = append(m.found, found{at, bits})
			continue
		}
		if s.pulses {
			m.keepPulse(at, bits)
		}
	}
	return alien
}

// String is that of the Set.
func (m *members) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return "Set(closed)"
	}
	return fmt.Sprintf("Set(%d descriptors)", len(m.numbers))
}
