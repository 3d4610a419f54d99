package semaphore_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/semaphore"
)

// FuzzSemaphore runs a random program on a Semaphore and on a model of it, which is a number and
// a queue, and compares them after each step.
func FuzzSemaphore(f *testing.F) {
	f.Add([]byte{0, 3, 1, 2, 2, 2, 3, 4, 0, 9})
	f.Add([]byte{2, 3, 2, 1, 0, 2, 1, 1, 3, 0, 0, 3})
	f.Add([]byte{2, 3, 2, 1, 6, 2, 6, 1, 4, 0, 6, 0, 5, 0, 6, 3})
	f.Add([]byte{0, 2, 2, 4, 2, 0, 0, 4}) // one Release serves the first waiter, and its rest the second
	f.Add([]byte{4, 0, 0, 2, 5, 0, 5, 0, 2, 4, 0, 1, 0, 4})
	f.Add([]byte{2, 2, 4, 0, 2, 1, 0, 1, 0, 1, 0, 1, 5, 0, 3, 1})
	f.Fuzz(func(t *testing.T, program []byte) {
		s := mustNew(t, 0)
		m := &model{s: s, crowd: newCrowd(s), cancels: make(map[int]context.CancelFunc)}
		for ; len(program) >= 2 && !t.Failed() && m.crowd.size < 100; program = program[2:] {
			m.step(t, program[0]%7, program[1])
			m.settle(t)
		}
		m.end(t)
	})
}

// theC stands for C in the queue of the model.
const theC = -1

type place struct {
	waiter  int
	permits int64
}

// A model is a Semaphore together with the permits that should be free, the waiters that should
// be queued, and whether C should have reserved a permit.
type model struct {
	s       *semaphore.Semaphore
	crowd   *crowd
	free    int64
	queue   []place
	inC     bool
	held    bool // by C
	cancels map[int]context.CancelFunc
}

func (m *model) step(t *testing.T, op, arg byte) {
	n := 1 + int64(arg%5)
	switch op {
	case 0:
		m.s.Release(n)
		m.free += n
	case 6: // through the eventfd on Linux
		anySize[len(anySize)-1].release(m.s, n)
		m.free += n
	case 1:
		want := len(m.queue) == 0 && m.free >= n
		if m.held && n == m.free+1 {
			return // C might give its permit back for a moment
		}
		wantTry(t, m.s, n, want)
		if want {
			m.free -= n
		}
	case 2:
		m.acquire(t, n)
	case 3:
		m.cancel(t, int(arg))
	case 4:
		if !m.inC {
			m.inC = true
			m.queue = append(m.queue, place{theC, 1})
			m.s.C()
		}
	case 5:
		if m.held {
			<-m.s.C()
			m.held = false
			m.queue = append(m.queue, place{theC, 1})
		}
	}
}

func (m *model) acquire(t *testing.T, n int64) {
	if len(m.queue) == 0 && m.free >= n {
		mustAcquire(t, m.s, n)
		m.free -= n
		return
	}
	ctx, cancel := context.WithCancel(background)
	waiter := m.crowd.join(ctx, n)
	m.cancels[waiter] = cancel
	m.queue = append(m.queue, place{waiter, n})
}

func (m *model) cancel(t *testing.T, arg int) {
	waiting := slices.DeleteFunc(slices.Clone(m.queue), func(p place) bool { return p.waiter == theC })
	if len(waiting) == 0 {
		return
	}
	waiter := waiting[arg%len(waiting)].waiter
	m.cancels[waiter]()
	for got := range m.crowd.arrivals { // waiters behind it can be served before it wakes up
		if got.waiter == waiter {
			wantIs(t, "the canceled Acquire", got.err, context.Canceled)
			break
		}
		m.crowd.arrivals <- got
	}
	m.queue = slices.DeleteFunc(m.queue, func(p place) bool { return p.waiter == waiter })
}

// settle grants in the model what should be granted, and waits until the Semaphore has granted it.
func (m *model) settle(t *testing.T) {
	granted := m.grant()
	for m.held && len(m.queue) > 0 { // C gives way
		m.held = false
		m.free++
		m.queue = append(m.queue, place{theC, 1})
		granted = append(granted, m.grant()...)
	}
	for range granted {
		got := <-m.crowd.arrivals
		if got.err != nil || !slices.Contains(granted, got.waiter) {
			t.Errorf("waiter %d woke up with %v, want one of %v granted", got.waiter, got.err, granted)
		}
		m.cancels[got.waiter]()
	}
	// The permit that was received from C might not have been replaced yet.
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		if count, _ := m.s.Count(); count == m.free && semaphore.Waiting(m.s) == len(m.queue) {
			return // a second look could meet C while it gives its permit back for a moment
		}
		hammer.Yield()
	}
	wantCount(t, m.s, m.free)
	if got, want := semaphore.Waiting(m.s), len(m.queue); got != want {
		t.Errorf("%d waiters, want %d", got, want)
	}
}

// grant grants in the model while enough permits are free for the first waiter.
func (m *model) grant() (granted []int) {
	for len(m.queue) > 0 && m.free >= m.queue[0].permits {
		first := m.queue[0]
		m.queue, m.free = m.queue[1:], m.free-first.permits
		if first.waiter == theC {
			m.held = true
		} else {
			granted = append(granted, first.waiter)
		}
	}
	return granted
}

// end closes the Semaphore and receives the remaining waiters.
func (m *model) end(t *testing.T) {
	m.s.Close()
	for _, p := range m.queue {
		if p.waiter != theC {
			<-m.crowd.arrivals
			m.cancels[p.waiter]()
		}
	}
}
