package notify

import (
	"context"
	"time"

	"github.com/eventchan/eventchan/internal/lead"
)

// steady is how many sleeps in a row must have been alike before a goroutine leads. Sleeps are alike
// if the goroutine was the only one in Wait, used the same ctx, was woken by a signal that Go code of
// this process did not send, and called Wait again before the next signal. Then the source stays armed
// between them. That saves two system calls per sleep, and costs a wake-up of a thread for each signal
// that comes while no goroutine is waiting. All other waits go through the goroutine of the poller.
//
// Only tests change it.
var steady uint8 = 8

// mostAlike is the limit up to which sleeps that were alike are counted. A Wait that does not need to
// sleep, or a signal without a waiter, subtracts unlike, so one in five can be of that kind.
const (
	mostAlike = 16
	unlike    = 4
)

// restDelay is how long the source stays armed without a Wait.
const restDelay = 10 * time.Millisecond

// A leader is a goroutine in Wait that itself sleeps in the poller of the Go runtime; see internal/lead.
// The lock guards the fields of which the comments say nothing else.
type leader struct {
	*lead.Leader
	place *place

	// Only the leading goroutine uses these.
	ctx    context.Context
	count  uint64
	served bool

	// cancel is the Done channel of the ctx of the latest leader, and stop undoes the context.AfterFunc
	// that nudges the leader when that ctx is done. Both are kept for the next Wait.
	cancel <-chan struct{}
	stop   func() bool
	rest   rest
}

// A rest is a time in which the source stays armed without a waiter. The lock guards it.
type rest struct {
	timer *time.Timer // nil before the first rest
	runs  bool        // the timer is running
	again bool        // another rest has begun since the timer was set
}

// lead reports whether the waiter in p, which was just queued, is going to lead. The caller holds the
// lock.
func (n *Notifier) lead(ctx context.Context, p *place) (leads bool) {
	if !n.isSteady(ctx) {
		return n.count.Lead(nil)
	}
	l := n.ownLeader()
	if !l.Free() {
		return n.count.Lead(nil)
	}
	l.place, l.ctx, l.served = p, ctx, false
	return n.count.Lead(l.Leader)
}

// ownLeader returns the leader, and makes it the first time. The caller holds the lock.
func (n *Notifier) ownLeader() *leader {
	if n.leader == nil {
		l := new(leader)
		l.Leader = lead.NewLeader(n.count.Serve, l.done)
		n.leader = l
	}
	return n.leader
}

// leadFirst returns the place of a waiter that leads, or nil. It does not check for a count, because a
// leader does so anyway before it waits. The source is already armed, so Prepare makes no event of a
// count that is there. The caller holds the lock.
func (n *Notifier) leadFirst(ctx context.Context) *place {
	if !n.count.Armed() || n.waiters.Len() > 0 || !n.isSteady(ctx) || n.count.Prepare() != nil {
		return nil
	}
	p := n.vacant()
	n.waiters.Push(p)
	if n.lead(ctx, p) {
		n.recount()
		return p
	}
	n.waiters.Remove(p)
	return nil
}

// isSteady reports whether enough sleeps in a row were alike before a Wait with ctx that is about to
// sleep. The caller holds the lock.
func (n *Notifier) isSteady(ctx context.Context) bool {
	done := ctx.Done()
	alone := n.waiters.Len() <= 1 && n.c.Load() == nil
	if !alone || n.done != done {
		n.done, n.alike = done, 0
	}
	return alone && n.alike >= steady
}

// hasty is called when Wait did not sleep, because it found a count or failed. The caller holds the
// lock.
func (n *Notifier) hasty() {
	n.alike -= min(n.alike, unlike)
	if n.alike < steady && n.waiters.Len() == 0 && n.c.Load() == nil {
		n.count.Disarm()
	}
}

// relax is called when an event has been delivered and no goroutine is waiting any more. served says
// whether one was. The source stays armed if a goroutine is likely to wait again before the next
// signal. The caller holds the lock.
func (n *Notifier) relax(served bool) {
	if !served {
		n.alike -= min(n.alike, unlike)
	} else if n.alike < mostAlike {
		n.alike++
	}
	if n.alike < steady {
		n.count.Disarm()
	} else if n.count.Armed() {
		n.ownLeader().rest.begin(n)
	}
}

// begin begins a rest, after which n.disarm is called.
func (r *rest) begin(n *Notifier) {
	switch {
	case r.runs:
		r.again = true
		return
	case r.timer == nil:
		r.timer = time.AfterFunc(restDelay, n.disarm)
	default:
		r.timer.Reset(restDelay)
	}
	r.runs, r.again = true, false
}

// disarm is called by the timer of a rest, and disarms the source unless Wait has been called since.
func (n *Notifier) disarm() {
	if !n.count.Lock() {
		return
	}
	defer n.count.Unlock()
	again := n.leader.rest.again
	n.leader.rest.runs = false
	switch {
	case n.waited(): // the next rest sets the timer again
	case again:
		n.leader.rest.begin(n)
	default:
		n.alike = 0
		n.count.Disarm()
	}
}

// give ends the sleep of a waiter. The caller holds the lock.
func (n *Notifier) give(p *place, count uint64) {
	p.Value <- count
	if l := n.leader; l != nil && l.place == p {
		l.Nudge()
	}
}

// sleep leads, without the lock, until the goroutine is served, ctx is done, or something else needs
// the poller.
func (l *leader) sleep(n *Notifier) (count uint64, served bool) {
	l.watch(n)
	waited := l.Sleep()
	count, served = l.count, l.served
	l.ctx = nil
	l.Release()
	if !waited && n.count.Lock() {
		n.hasty()
		n.count.Unlock()
	}
	return count, served
}

// done reports whether the leader can stop sleeping. Once it has received, it no longer looks at the
// place, because another waiter can use it.
func (l *leader) done() bool {
	if l.served {
		return true
	}
	select {
	case l.count = <-l.place.Value:
		l.served = true
	default:
	}
	return l.served || l.ctx.Err() != nil
}

// watch arranges that the end of ctx nudges the leader. If the Wait before had the same ctx, that has
// been arranged already.
func (l *leader) watch(n *Notifier) {
	done := l.ctx.Done()
	if done == l.cancel {
		return
	}
	var stop func() bool
	if done != nil {
		stop = context.AfterFunc(l.ctx, l.Nudge)
	}
	n.count.LockShut()
	defer n.count.UnlockShut()
	if l.stop != nil {
		l.stop()
	}
	l.cancel, l.stop = done, stop
	if n.closed {
		l.end()
	}
}

// end undoes watch and ends the rest, after Close. The caller holds the lock.
func (l *leader) end() {
	if l == nil {
		return
	}
	if l.stop != nil {
		l.stop()
	}
	if l.rest.timer != nil {
		l.rest.timer.Stop()
	}
}
