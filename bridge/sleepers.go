package bridge

import (
	"context"
	"slices"

	"github.com/eventchan/eventchan/internal/rawefd"
)

// sleepers are the goroutines that wait for a Set. One of them, the leader, sleeps in the
// poller of Go's runtime, which wakes it directly, without another goroutine in between.
// The others, the followers, sleep until the leader wakes them all: that ends their round.
// Once C has been called, its goroutine becomes the leader as soon as there is none.
//
// No readiness is missed. A goroutine that has become the leader polls once more before it
// sleeps. A follower joins the round without having released the lock since it found
// nothing, so whatever the leader finds later ends the follower's round.
type sleepers struct {
	leading bool          // a goroutine is the leader
	round   chan struct{} // closed to wake the followers; nil if there are none
	c       chan struct{} // nil until C is called; sent to under the lock
}

// follow sleeps until the end of the round or of ctx. The caller holds the lock, which
// follow releases.
func (m *members) follow(ctx context.Context) {
	round := m.join()
	m.mu.Unlock()
	select {
	case <-round:
	case <-ctx.Done():
	}
}

// lead sleeps as the leader: it calls look immediately, and then each time that something
// might have become ready, until look returns true. It returns earlier if it is
// interrupted: because its ctx is done, or the ctx of another goroutine that has led, by
// Close, or by a pulse. The next look finds out which. The caller then calls step.
func (m *members) lead(look func(uintptr) (done bool)) { m.in.Read(look) }

// step gives up the lead and wakes the followers. Resume might undo an Interrupt that has
// just arrived. That loses nothing: the reason for an Interrupt exists before it does, and
// the goroutine that it concerns looks again after Resume and finds the reason.
func (m *members) step() {
	m.in.Resume()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.leading = false
	m.wake()
	if m.closed {
		m.in.Close()
	}
}

// join returns a channel that is closed at the end of the followers' round. The caller
// holds the lock.
func (m *members) join() <-chan struct{} {
	if m.round == nil {
		m.round = make(chan struct{})
	}
	return m.round
}

// wake wakes the followers, which ends their round. The caller holds the lock.
func (m *members) wake() {
	if m.round != nil {
		close(m.round)
		m.round = nil
	}
}

// channel is C. The first call starts C's goroutine.
func (m *members) channel() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.c == nil {
		m.c = make(chan struct{}, 1)
		if m.closed {
			close(m.c)
			return m.c
		}
		if m.ready() {
			m.c <- struct{}{}
		}
		go m.serve()
	}
	return m.c
}

// serve is C's goroutine. It ends when the Set is closed.
func (m *members) serve() {
	look := func(uintptr) (done bool) {
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.tell()
	}
	for {
		m.mu.Lock()
		if m.tell() {
			m.mu.Unlock()
			return
		}
		if m.leading {
			m.follow(context.Background())
			continue
		}
		m.leading = true
		m.mu.Unlock()
		m.lead(look)
		m.step()
	}
}

// tell is a look of C's goroutine. It wakes the followers, puts a value into C's buffer if
// something is ready, and reports whether the Set is closed. The caller holds the lock.
func (m *members) tell() (closed bool) {
	m.wake()
	if !m.closed && m.ready() {
		m.offer()
	}
	return m.closed
}

// ready reports whether poll would fetch an event, even if only one of an alien. It does
// not change whose turn it is.
func (m *members) ready() bool {
	bits, err := rawefd.Poll(int(m.in.Epoll), rawefd.EventIn)
	return slices.ContainsFunc(m.pulsed, m.hasPulse) || bits != 0 || err != nil
}

// offer puts a value into C's buffer if it is empty.
func (m *members) offer() {
	select {
	case m.c <- struct{}{}:
	default:
	}
}

// refill is called after each poll. It puts a value into C's buffer if more could be found
// by the next poll, and otherwise empties the buffer.
func (m *members) refill(more bool) {
	switch {
	case m.c == nil:
	case more:
		m.offer()
	default:
		select {
		case <-m.c:
		default:
		}
	}
}

// close closes the Set, and reports whether it was open.
func (m *members) close() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.closed = true
	if m.c != nil {
		close(m.c)
	}
	if m.leading {
		m.in.Interrupt() // the leader then closes the instance, and wakes the followers
	} else {
		m.in.Close()
	}
	return true
}
