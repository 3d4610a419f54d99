package notify_test

import (
	"errors"
	"os"
	"testing"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/notify"
)

// FuzzNotifier runs a random program on a Notifier and on a model of it, which is a number, and compares
// them after each step.
func FuzzNotifier(f *testing.F) {
	f.Add([]byte{0, 5, 1, 0, 0, 7, 2, 0, 5, 0, 4, 0})
	f.Add([]byte{3, 0, 0, 9, 0, 9, 4, 0, 1, 0, 6, 0, 0, 1})
	f.Add([]byte{7, 3, 3, 0, 7, 4, 0, 2, 1, 0, 7, 1, 4, 0, 6, 0})
	f.Add([]byte{0, 255, 0, 255, 0, 1, 2, 0, 3, 0, 4, 0, 0, 3, 6, 0})
	f.Fuzz(func(t *testing.T, program []byte) {
		n := mustNew(t)
		m := model{Notifier: n, exported: mode.Is("exported")}
		for ; len(program) >= 2 && !t.Failed(); program = program[2:] {
			m.step(t, program[0]%8, program[1])
		}
	})
}

// A model is a Notifier together with the count that should be pending.
type model struct {
	*notify.Notifier
	pending uint64
	inC     bool // C is in use, so the place of the pending count depends on the poller
	closed  bool

	exported, received bool
}

func (m *model) step(t *testing.T, op, arg byte) {
	switch op {
	case 0:
		m.add(t, delta(arg))
	case 1:
		m.tryWait(t)
	case 2:
		m.wait(t)
	case 3:
		m.inC = true
		m.C()
	case 4:
		m.receive(t)
	case 5:
		m.count(t)
	case 6:
		if err := m.Close(); errors.Is(err, os.ErrClosed) != m.closed {
			t.Errorf("Close = %v, closed before: %v", err, m.closed)
		}
		if !m.closed && m.exported && !m.received && !m.inC {
			m.pending = 0 // the count stays in the eventfd
		}
		m.closed = true
	case 7: // through the eventfd on Linux
		if d := 1 + uint64(arg); !m.closed && d <= notify.MaxCount-m.pending {
			anySize[len(anySize)-1].add(t, m.Notifier, d)
			m.pending += d
			m.exported = m.exported || rawefd.HasEventfd
		}
	}
}

// delta turns some arguments into large numbers.
func delta(arg byte) uint64 {
	if arg > 250 {
		return notify.MaxCount - uint64(255-arg)
	}
	return uint64(arg)
}

func (m *model) add(t *testing.T, d uint64) {
	fits := d <= notify.MaxCount-m.pending
	if m.inC && !fits {
		return // whether it fits depends on how much has already moved to C
	}
	switch err := m.Add(d); {
	case m.closed:
		wantIs(t, "Add after Close", err, os.ErrClosed)
	case !fits:
		wantIs(t, "Add past the maximum", err, notify.ErrOverflow)
	case err != nil:
		t.Errorf("Add(%d) = %v with %d pending", d, err, m.pending)
	default:
		m.pending += d
	}
}

func (m *model) tryWait(t *testing.T) {
	got, ok := m.TryWait()
	if got > m.pending || got < m.pending && !m.late() || ok != (got > 0) {
		t.Errorf("TryWait = %d, %v with %d pending, closed: %v", got, ok, m.pending, m.closed)
	}
	m.pending -= got
	m.received = m.received || got > 0
}

func (m *model) wait(t *testing.T) {
	if m.pending == 0 && !m.closed {
		return // Wait would block
	}
	got, err := m.Wait(background)
	if m.closed && m.pending == 0 {
		wantIs(t, "Wait after Close", err, os.ErrClosed)
		return
	}
	if err != nil || got == 0 || got > m.pending || got < m.pending && !m.late() {
		t.Errorf("Wait = %d, %v with %d pending", got, err, m.pending)
	}
	m.pending -= got
	m.received = true
}

// late reports whether a part of the pending count can come later. The poller can be in the middle of a
// call when Close is called, and the whole count is available only after that call.
func (m *model) late() bool { return m.closed && m.exported }

func (m *model) receive(t *testing.T) {
	if !m.inC || m.pending == 0 && !m.closed {
		return
	}
	got, ok := <-m.C()
	if ok != (m.pending > 0) || got > m.pending {
		t.Errorf("C gave %d, %v with %d pending", got, ok, m.pending)
	}
	m.pending -= got
}

func (m *model) count(t *testing.T) {
	got, err := m.Count()
	if m.closed {
		wantIs(t, "Count after Close", err, os.ErrClosed)
		return
	}
	hammer.Counted(t, err)
	if err != nil || got > m.pending || !m.inC && got != m.pending {
		t.Errorf("Count = %d, %v with %d pending", got, err, m.pending)
	}
}
