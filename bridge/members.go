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

// members is a Set without its keys. The epoll instance is level-triggered. The kernel
// moves a member that it has reported to the end of its ready list, so members take turns.
//
// An alien is a registration that could not be deleted, because its number had become
// another file's. It lives on while a duplicate keeps its file open. Each registration has
// an ID of its own, so the events of aliens are recognized and ignored. They take up room
// in the kernel's answer, however, so poll then asks again.
type members struct {
	mu      sync.Mutex // guards all below
	in      *poller.Instance
	slots   []slot
	free    []int32         // the free slots
	numbers map[int32]int32 // the slot of each member, by descriptor number
	aliens  map[int32]bool  // the numbers that have ever had an alien
	lastGen uint32
	closed  bool

	turn   uint32 // the number of the current poll
	raw    []rawefd.RawEvent
	found  []found
	met    map[uint64]bool // the IDs of the aliens that the current poll has fetched
	pulsed []int32         // slots with a pulse that poll has not returned; see pulses.go

	sleepers // the goroutines that wait, and C
}

// A slot holds one member, or is free.
type slot struct {
	num    int32
	gen    uint32 // the generation: a new number for each member; 0 if the slot is free
	bits   Events // the events asked for
	turn   uint32 // the last poll that returned the member, or 0
	pulse  Events // events fetched but not yet returned; see pulses.go
	pulses bool   // the file reports Priority by pulses
}

// A found is a ready member that poll returns.
type found struct {
	slot   int32
	events Events
}

// mostEvents is how many events of at most 16 bytes epoll_wait(2) can be asked for.
const mostEvents = math.MaxInt32 / 16

func (m *members) open() (err error) {
	m.in, err = poller.NewInstance()
	m.numbers, m.aliens, m.met = make(map[int32]int32), make(map[int32]bool), make(map[uint64]bool)
	return err
}

// id returns the ID that the kernel reports with the events of a slot. It contains the
// generation, so an event of an earlier member never reaches a later one in the same slot.
func (m *members) id(at int32) uint64 { return uint64(m.slots[at].gen)<<32 | uint64(uint32(at)) }

// at returns the slot that an ID belongs to, or false if its member is no longer in the
// Set.
func (m *members) at(id uint64) (int32, bool) {
	at := uint32(id)
	return int32(at), int(at) < len(m.slots) && m.slots[at].gen == uint32(id>>32)
}

func (m *members) add(fd int, events Events) (at int, err error) {
	if fd < 0 || fd > math.MaxInt32 {
		return 0, fmt.Errorf("descriptor number out of range: %w", os.ErrInvalid)
	}
	if err := events.check(); err != nil {
		return 0, err
	}
	if m.closed {
		return 0, os.ErrClosed
	}
	if err := rawefd.CheckNested(fd); err != nil {
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
		// The kernel has a registration of this number and file, but does not say whether
		// it is an alien or the member. If it is the member, it is replaced by itself.
		err = m.register(next, m.in.Modify)
	}
	if err != nil {
		s.gen = 0
		return 0, err
	}
	m.free = m.free[:len(m.free)-1]
	if old, ok := m.numbers[s.num]; ok { // old is another file's, or replaced by itself
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

// member returns the slot of the member with a descriptor number.
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
	if events&Priority != 0 {
		// Otherwise register could take a pulse of another file that has got the number. It still
		// can if that happens after this check.
		if err := m.checkNumber(at); err != nil {
			return err
		}
	}
	s := &m.slots[at]
	old := *s
	s.bits = events
	m.renew(s)
	if err = m.register(at, m.in.Modify); err != nil {
		s.gen, s.bits, s.pulses = old.gen, old.bits, old.pulses
	}
	// A kept Failed goes with its pulse: proc and cgroup files report it with Priority, once.
	// One that lasts is reported again, because Modify polls the file. Without pulses, every
	// event is. Nothing must be kept then, because take would think that a member that
	// takePulses has found was fetched before.
	if s.pulse &= s.bits; !s.pulses {
		s.pulse = 0
	}
	return err
}

// checkNumber returns an error unless a member's number refers to its file.
func (m *members) checkNumber(at int32) error {
	s := &m.slots[at]
	old := s.gen
	m.renew(s)
	err := m.in.Modify(int(s.num), s.asks(), m.id(at))
	if err != nil {
		s.gen = old
	}
	return err
}

// renew is called before Modify. If that reaches an alien, the new ID makes it the member.
func (m *members) renew(s *slot) {
	if m.aliens[s.num] {
		s.gen = m.nextGen()
	}
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

// poll returns at most n ready members. The slice is valid until the next poll. The caller
// holds the lock.
//
// It never asks the kernel for more events than it can return members, although that costs
// more system calls if many aliens are ready. A member that is fetched goes to the end of the
// list. If poll did not return it, it would lose its turn, possibly in every poll.
func (m *members) poll(n int) ([]found, error) {
	m.found = m.found[:0]
	if m.closed || n == 0 {
		return nil, nil
	}
	m.turn = max(m.turn+1, 1) // 0 is the turn of a member that was never returned
	n = min(n, mostEvents)
	clear(m.met)
	m.takePulses(n)
	if cap(m.raw) < n {
		m.raw = make([]rawefd.RawEvent, n)
	}
	for all := false; len(m.found) < n && !all; {
		want := n - len(m.found)
		got, err := m.in.Fetch(m.raw[:want])
		if err != nil {
			m.refill(true) // Poll drops the error, so its caller has to be asked again
			return m.found, err
		}
		all = m.take(m.raw[:got]) || got < want
	}
	m.refill(len(m.found) > 0)
	return m.found, nil
}

// take adds the members of events to m.found. It reports whether an alien or a member has
// come for the second time in this poll. The kernel's list is a queue, so whatever was ready
// the first time has come since.
func (m *members) take(events []rawefd.RawEvent) (again bool) {
	for i := range events {
		id := events[i].ID()
		at, ok := m.at(id)
		if !ok {
			again = again || m.met[id]
			m.met[id] = true
			continue
		}
		s, bits := &m.slots[at], Events(events[i].Bits())
		if s.pulses {
			bits = s.pulseBits(bits)
		}
		switch {
		case s.turn != m.turn:
			s.turn = m.turn
			m.found = append(m.found, found{at, bits})
		case s.pulses: // takePulses might have found it, so this can be the first time
			m.keepPulse(at, bits)
		default:
			again = true // the next poll reports it again
		}
	}
	return again
}

// String is Set.String.
func (m *members) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return "Set(closed)"
	}
	return fmt.Sprintf("Set(%d descriptors)", len(m.numbers))
}
