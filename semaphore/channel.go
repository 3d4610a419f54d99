package semaphore

import "time"

// A channel is the state of C. The lock guards the fields that change. The goroutine of hold
// reads timed and received without the lock, because while it runs only it writes them.
type channel struct {
	permits  chan struct{}
	closing  chan struct{} // closed by Close
	nudge    chan struct{} // with a buffer of one; asks hold to decide again
	unsent   chan struct{} // received from by hold while its permit is not received
	offered  chan struct{} // closed when the latest hold has ended
	holding  bool          // hold has reserved a permit, and has not noted yet that it was received
	timed    bool          // hold gives the permit back after a while
	offers   uint8         // see mostOffers
	asides   uint8         // how often hold has stepped aside
	vast     bool          // see manyFree
	received time.Time     // when a permit was last received, or when C was called
}

func newChannel() *channel {
	return &channel{
		permits:  make(chan struct{}),
		closing:  make(chan struct{}),
		nudge:    make(chan struct{}, 1),
		unsent:   make(chan struct{}),
		received: time.Now(),
	}
}

// C returns a channel for use in a select statement. Each receive from it acquires one
// permit, which the receiver must release. C returns the same channel each time.
//
// From the first call until Close, C takes its turn among the goroutines that wait in Acquire:
// it reserves one permit for the next receiver, and another one after each receive. Count does
// not include the reserved permit, and TryAcquire cannot take it. If you need a permit only
// occasionally, call Acquire in a goroutine instead.
//
// If an Acquire of more than 1,024 permits of an eventfd comes first, C is served after it, and other
// calls can get permits before C does.
//
// The reserved permit does not keep others waiting. If the first goroutine in Acquire lacks
// permits, C immediately gives its permit back and queues again behind that goroutine. After
// FD, File, FromFD or FromProcess, C also gives the permit back once nothing was received for
// 100 to 200 ms, because another process can be waiting for it. C queues again 5 ms later, or 5 to
// 105 ms later if the process was not run in time, or up to 50 ms after another process has taken what
// it takes if that is thousands of permits. A receive can take that much longer. A C that nothing is
// received from takes up to 1 % of a processor if it is the only one, and a fiftieth of that if there are many.
//
// The channel has no buffer. While a permit is reserved, and only then, the Semaphore runs one
// goroutine that sends it. Close puts the permit back and closes the channel. After Close, C
// returns a closed channel.
func (s *Semaphore) C() <-chan struct{} {
	if c := s.c.Load(); c != nil {
		return c.permits
	}
	open := s.count.Lock()
	if open {
		defer s.count.Unlock()
	} else {
		s.count.LockShut()
		defer s.count.UnlockShut()
	}
	if c := s.c.Load(); c != nil {
		return c.permits
	}
	c := newChannel()
	s.c.Store(c)
	s.reserving()
	switch {
	case open:
		s.waitForC(&place{Value: waiter{permits: 1}})
	case s.closed: // otherwise last, which runs later, closes the channel
		close(c.permits)
	}
	return c.permits
}

// waitForC queues C for the next permit. The caller holds the lock.
func (s *Semaphore) waitForC(p *place) {
	s.queue(p)
	s.count.MustArm() // before serve, so that no later Release goes unseen
	s.serve()
}

// mostOffers is how many permits of C in a row offer hands over itself. If C threads release as
// quickly as goroutines receive, serve would otherwise keep the lock, and all other handles
// waiting, for as long as the stream lasts.
const mostOffers = 64

// offer hands a permit that was taken for C to a goroutine that is receiving from C. Without
// such a goroutine, C lets waiters go first if there are any. Otherwise, and for one permit in
// mostOffers, offer starts hold, which reserves the permit, and serve ends. hold needs a
// goroutine because nothing else notices a receiver that comes later. Each Semaphore has its
// own, because a select over the channels of all (reflect.Select) costs more with each channel,
// and because a channel that was made in a testing/synctest bubble must stay there. The caller
// holds the lock.
func (s *Semaphore) offer(p *place) {
	c := s.c.Load()
	if c.offers++; c.offers < mostOffers {
		select {
		case c.permits <- struct{}{}:
			c.received = time.Now()
			s.queue(p)
			return
		default:
			if s.waiters.Len() > 0 && s.count.Add(1) == nil {
				s.queue(p)
				return
			}
		}
	}
	c.offers = 0
	c.holding, c.timed = true, s.mayTime()
	c.offered = make(chan struct{})
	go s.hold(c, p, c.offered)
}
