package queue_test

import (
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/eventchan/eventchan/bridge/queue"
	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/handletest"
)

// FuzzQueue runs a random program on a Queue and on a model of it, a slice, and compares
// the two after each step.
func FuzzQueue(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 1, 3, 0, 4, 0, 8, 0})
	f.Add([]byte{2, 0, 0, 0, 1, 6, 0, 0, 2, 0, 3, 0, 4, 7, 0, 7, 0, 0, 0, 3, 0, 8, 0, 7, 0})
	f.Add([]byte{3, 9, 0, 1, 0, 2, 1, 1, 0, 0, 0, 4, 0, 10, 0, 4, 4, 8, 0, 4, 4, 10, 0, 7, 0})
	f.Add([]byte{0, 9, 0, 6, 0, 1, 0, 1, 0, 7, 0, 1, 0, 8, 0, 7, 0, 7, 0})
	f.Add([]byte{1, 0, 0, 0, 0, 6, 0, 9, 0, 1, 0, 5, 0, 3, 0, 8, 0, 4, 0})
	f.Fuzz(func(t *testing.T, program []byte) {
		if len(program) == 0 {
			return
		}
		q, err := queue.New[int64](1 << (program[0] % 4))
		if err != nil {
			t.Fatal(err)
		}
		m := model{Queue: q}
		if shared() {
			mustHandle(t, q)
		}
		for program = program[1:]; len(program) >= 2 && !t.Failed(); program = program[2:] {
			m.step(t, program[0]%11, program[1])
			m.look(t)
		}
		q.Close()
		for range q.C() { // otherwise the goroutine of C stays blocked
		}
	})
}

// A model is a Queue together with the values that are expected in it.
type model struct {
	*queue.Queue[int64]
	values  []int64
	tickets map[int64]uint64 // by value: the tickets that are not committed yet
	next    int64
	refused uint64
	closed  bool

	// Once C is in use, values can be in its buffer or on their way there, and C threads
	// might not see all free places.
	c <-chan int64
}

func (m *model) step(t *testing.T, op, arg byte) {
	switch op {
	case 0:
		m.sent(t, "Send", m.Send(m.next), false)
	case 1:
		if m.Handle() != nil {
			m.sent(t, "send", sendAsC(m.Queue, m.next), m.c != nil)
		}
	case 2:
		m.reserve(t)
	case 3:
		got, ok := m.TryReceive()
		m.received(t, "TryReceive", []int64{got}[:count(ok)])
	case 4:
		if m.c == nil && m.ready() > 0 || m.closed && m.c == nil {
			m.batch(t, make([]int64, 1+arg%5))
		}
	case 5:
		if m.c == nil && m.ready() > 0 || m.closed && m.c == nil {
			m.receive(t)
		}
	case 6:
		m.c = m.C()
	case 7:
		m.receiveFromC(t)
	case 8:
		if err := m.Close(); errors.Is(err, os.ErrClosed) != m.closed {
			t.Errorf("Close = %v, closed before: %v", err, m.closed)
		}
		m.closed = true
		m.values = slices.DeleteFunc(m.values, m.reserved)
	case 9:
		if got := m.Handle() != nil; got != (rawefd.HasDoorbell && !m.closed) {
			t.Errorf("Handle is not nil: %v, closed: %v", got, m.closed)
		}
	case 10:
		m.commit(t, int(arg))
	}
}

// look compares the results of Len and Refused.
func (m *model) look(t *testing.T) {
	if got := m.Len(); got != len(m.values) {
		t.Errorf("Len = %d, want %d: %d", got, len(m.values), m.values)
	}
	if got := m.Refused(); got != m.refused {
		t.Errorf("Refused = %d, want %d", got, m.refused)
	}
}

func (m *model) reserved(v int64) bool { _, ok := m.tickets[v]; return ok }

// ready returns the number of values that can be received: those before the first that is
// reserved but not committed.
func (m *model) ready() int {
	if i := slices.IndexFunc(m.values, m.reserved); i >= 0 {
		return i
	}
	return len(m.values)
}

// sent records the result of sending the next value. A sender might be refused because it
// does not see free places yet.
func (m *model) sent(t *testing.T, what string, err error, late bool) {
	full := len(m.values) == m.Cap()
	switch {
	case m.closed:
		wantIs(t, what+" after Close", err, os.ErrClosed)
	case full || late && err == queue.ErrFull:
		wantIs(t, what+" to a full queue", err, queue.ErrFull)
		m.refused++
	case err != nil:
		t.Errorf("%s = %v with %d of %d", what, err, len(m.values), m.Cap())
	default:
		m.values = append(m.values, m.next)
		m.next++
	}
}

func (m *model) reserve(t *testing.T) {
	h := m.Handle()
	if h == nil {
		return
	}
	place, ticket, answer := handletest.Reserve[int64](h)
	if answer == handletest.OK {
		*place = m.next
		if m.tickets == nil {
			m.tickets = make(map[int64]uint64)
		}
		m.tickets[m.next] = ticket
	}
	m.sent(t, "reserve", errorOf(answer), m.c != nil)
}

// commit commits one of the reserved values.
func (m *model) commit(t *testing.T, arg int) {
	h := m.Handle()
	if h == nil {
		return
	}
	for i := range m.values {
		v := m.values[(i+arg)%len(m.values)]
		if ticket, ok := m.tickets[v]; ok {
			delete(m.tickets, v)
			if got := handletest.Commit(h, ticket); got != handletest.OK {
				t.Errorf("commit of %d = %v", v, got)
			}
			return
		}
	}
}

// received records values that were not received from C. C can have values that come before
// them.
func (m *model) received(t *testing.T, what string, got []int64) {
	at := 0
	if len(got) > 0 && m.c != nil {
		at = max(0, slices.Index(m.values, got[0]))
	}
	if most := m.ready() - at; len(got) > most || m.c == nil && len(got) < min(1, most) ||
		!slices.Equal(got, m.values[at:at+len(got)]) {
		t.Errorf("%s: received %d of %d", what, got, m.values)
		return
	}
	m.values = slices.Delete(m.values, at, at+len(got))
}

func (m *model) receive(t *testing.T) {
	got, err := m.Receive(background)
	if m.closed && len(m.values) == 0 {
		wantIs(t, "Receive after Close", err, os.ErrClosed)
		return
	}
	if err != nil {
		t.Errorf("Receive = %v with %d", err, m.values)
	}
	m.received(t, "Receive", []int64{got})
}

func (m *model) batch(t *testing.T, dst []int64) {
	n, err := m.ReceiveBatch(background, dst)
	if m.closed && len(m.values) == 0 {
		wantIs(t, "ReceiveBatch after Close", err, os.ErrClosed)
		return
	}
	if want := min(len(dst), m.ready()); err != nil || n != want {
		t.Errorf("ReceiveBatch = %d, %v of %d; want %d", n, err, m.values, want)
	}
	m.received(t, "ReceiveBatch", dst[:n])
}

// receiveFromC receives a value that C has or will have soon.
func (m *model) receiveFromC(t *testing.T) {
	if m.c == nil || m.ready() == 0 && !m.closed {
		return
	}
	got, ok := <-m.c
	if ok != (len(m.values) > 0) || ok && got != m.values[0] {
		t.Errorf("C gave %d, %v of %d", got, ok, m.values)
	}
	if len(m.values) > 0 {
		m.values = m.values[1:]
	}
}
