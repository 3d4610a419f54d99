package bridge

import (
	"context"

	"github.com/eventchan/eventchan/internal/rawefd"
)

// sleepers are the goroutines that wait for a Set. One of them, the leader, sleeps in the
// poller of Go's runtime and is woken by it without another goroutine in between. The
// others sleep until the leader wakes them. Once C has been called, its goroutine takes
// the lead when it can.
//
// Nothing that becomes ready is missed: whatever leads looks once more after it has
// become the leader, and a follower joins the round under the lock under which it has
// found nothing, so that the leader's next look ends its round.
type sleepers struct {
	leading bool
	round   chan struct{} // closed to wake the followers; nil if there are none
	c       chan struct{} // nil before C was called; sent to under the lock
}

// wait calls look, with the lock held, now and each time that something became ready,
// until look returns true.
func (m *members) wait(ctx context.Context, look func() (done bool)) {
	for {
		m.mu.Lock()
		if look() {
			m.mu.Unlock()
			return
		}
		if m.leading {
			round := m.join()
			m.mu.Unlock()
			select {
			case <-round:
			case <-ctx.Done():
			}
			continue
		}
		m.leading = true
		m.mu.Unlock()
		if m.lead(ctx, look) {
			return
		}
	}
}

// lead sleeps as the leader. It returns false if it was interrupted, by the end of ctx or
// of an earlier leader's, or by Close or a pulse: the next look finds out which.
func (m *members) lead(ctx context.Context, look func() (done bool)) (done bool) {
	if ctx.Done() != nil {
		defer context.AfterFunc(ctx, m.in.Interrupt)()
	}
	m.in.Read(func(uintptr) bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		done = look()
		return done
	})
	m.step()
	return done
}

// step gives up the lead. Resume comes before the next look of the goroutine that an
// Interrupt is meant for, and what an Interrupt is about comes before it. So that look
// finds it, even if Resume has taken the Interrupt back.
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

// join returns the channel that ends the round of the followers. The caller holds the
// lock.
func (m *members) join() <-chan struct{} {
	if m.round == nil {
		m.round = make(chan struct{})
	}
	return m.round
}

// wake ends the round. The caller holds the lock.
func (m *members) wake() {
	if m.round != nil {
		close(m.round)
		m.round = nil
	}
}

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

// serve is C's goroutine.
func (m *members) serve() {
	m.wait(context.Background(), func() bool {
		m.wake()
		if !m.closed && m.ready() {
			m.offer()
		}
		return m.closed
	})
}

// ready reports whether poll would return something, or fetch that of an alien. It does
// not disturb the turns.
func (m *members) ready() bool {
	bits, err := rawefd.Poll(int(m.in.Epoll), rawefd.EventIn)
	return len(m.pulsed) > 0 || bits != 0 || err != nil
}

// offer has C hold a value.
func (m *members) offer() {
	select {
	case m.c <- struct{}{}:
	default:
	}
}

// refill has C hold a value after a poll if there can be more, and none if there is no
// more.
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

// close reports whether it is the first.
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
		m.in.Interrupt() // the leader closes it, and wakes the followers
	} else {
		m.in.Close()
	}
	return true
}
