package lead

import "sync/atomic"

// A Leader is how a goroutine sleeps at a Post if it can. It is made once and reused for one
// sleep after another, so that no sleep allocates.
type Leader struct {
	done func() bool
	own  func()
	look func(fd uintptr) bool

	post   atomic.Pointer[Post] // nil while no goroutine uses the Leader
	rested bool                 // what the last Look returned
	looks  int                  // how many Looks there were since Sleep began
}

// NewLeader returns a Leader. Its goroutine can stop sleeping once done returns true; only the
// leading goroutine calls done. own handles events of the leader's own source.
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

// Own handles events of the leader's own source.
func (l *Leader) Own() { l.own() }

// Free reports whether no goroutine is using this Leader, from Take to Release.
func (l *Leader) Free() bool { return l.post.Load() == nil }

// Take gives the caller the post if nothing else sleeps and the post is free, and reports
// whether it did. The caller has called Need before; if Take returns true, it then calls
// Sleep. If Take returns false, a goroutine is at the post.
func (l *Leader) Take(p *Post) bool {
	if p.needed.Load() == 1 {
		if p.manned.CompareAndSwap(false, true) {
			l.post.Store(p)
			return true
		}
		p.asked.Store(true)
		// The goroutine at the post can have resigned since. In that case it has seen needed.
		return false
	}
	p.Ensure()
	return false
}

// Sleep waits until the goroutine is done, or until there are events that are not its own, for
// which it has left the post to the keeper. It can return earlier. It reports whether it
// waited at all.
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

// Release is called after Sleep. It lets another goroutine use the Leader.
func (l *Leader) Release() { l.post.Store(nil) }

// Nudge makes the leader check whether it is done. It is called after whatever has made done
// true. A leader that is in its Look needs no nudge, because it calls done afterwards: Nudge
// reads busy after the reason for the nudge was written, and the leader clears busy before it
// calls done.
func (l *Leader) Nudge() {
	if p := l.post.Load(); p != nil && !p.busy.Load() {
		p.polled.Interrupt()
	}
}
