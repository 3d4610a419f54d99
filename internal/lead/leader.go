package lead

import "sync/atomic"

// A Leader is a goroutine that sleeps at a Post when it can. It is made once and used
// for one sleep after the other, so that none allocates.
type Leader struct {
	done func() bool
	own  func()
	look func(fd uintptr) bool

	post   atomic.Pointer[Post] // nil while no goroutine uses the Leader
	rested bool                 // what the last look returned
	looks  int                  // since Sleep began
}

// NewLeader returns a Leader. It is done when done returns true, which only the leading
// goroutine calls. own handles what has happened to the leader's own source.
func NewLeader(own func(), done func() bool) *Leader {
	l := &Leader{own: own, done: done}
	l.look = func(uintptr) bool { return l.lookAt(l.post.Load()) }
	return l
}

func (l *Leader) lookAt(p *Post) (done bool) {
	l.looks++
	p.busy.Store(true)
	l.rested = p.look(l)
	p.busy.Store(false)
	return l.done() || !l.rested
}

// Done reports whether the goroutine need not sleep any longer.
func (l *Leader) Done() bool { return l.done() }

// Own handles what has happened to the leader's own source.
func (l *Leader) Own() { l.own() }

// Free reports whether no goroutine sleeps, or has just slept, as this Leader.
func (l *Leader) Free() bool { return l.post.Load() == nil }

// Take gives a sleeper the post, after Need, if nothing else sleeps and the post is free,
// and reports whether it did: then Sleep follows. Otherwise the post is manned when Take
// returns.
func (l *Leader) Take(p *Post) bool {
	if p.needed.Load() == 1 {
		if p.manned.CompareAndSwap(false, true) {
			l.post.Store(p)
			return true
		}
		p.asked.Store(true)
		// The post can have been given up since. In that case needed was seen there.
		return false
	}
	p.Ensure()
	return false
}

// Sleep waits until the goroutine is done, or has met events that are not its own and has
// left the post to the keeper. It can return earlier. It reports whether it waited at all.
func (l *Leader) Sleep() (waited bool) {
	p := l.post.Load()
	l.rested, l.looks = true, 0
	for !p.polled.Read(l.look) {
		p.polled.Resume()
		if p.ended.Load() || l.done() {
			break
		}
	}
	p.resign()
	return l.looks > 1
}

// Release lets another goroutine use the Leader, after Sleep.
func (l *Leader) Release() { l.post.Store(nil) }

// Nudge has the leader see that it is done, after what has made it so. A leader that is
// looking asks itself after that, and needs no nudge; busy is read after the reason for
// the nudge was written, and written before the leader asks.
func (l *Leader) Nudge() {
	if p := l.post.Load(); p != nil && !p.busy.Load() {
		p.polled.Interrupt()
	}
}
