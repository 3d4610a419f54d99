package notify

import (
	"context"
	"time"

	"github.com/eventchan/eventchan/internal/lead"
)

// steady is how many sleeps in a row must have been alike before a goroutine leads: it
// was the only one in Wait, with the same ctx, was woken by a signal from outside, and
// was back in Wait before the next. Then the source stays armed in between, which saves
// two system calls a sleep, and costs a wake-up of a thread for each signal that comes
// while nothing waits. Everything else goes through the goroutine of the poller.
//
// Only tests change it.
var steady uint8 = 8

// mostAlike is how far they are counted. A Wait that need not sleep, or a signal that no
// goroutine waits for, takes back unlike of them, so a row may have one in five of those.
const (
	mostAlike = 16
	unlike    = 4
)

// restDelay is how long the source stays armed without a Wait.
const restDelay = 10 * time.Millisecond

// A leader is a goroutine in Wait that sleeps in the poller of Go's runtime itself (see
// internal/lead), with the lock held where not said otherwise.
type leader struct {
	*lead.Leader
	place *place

	// The leading goroutine alone uses these.
	ctx    context.Context
	count  uint64
	served bool

	// cancel is the Done channel of the ctx by which Wait was last called, and stop ends
	// the nudge that comes when that is done. It is kept for the next Wait.
	cancel <-chan struct{}
	stop   func() bool
	rest   rest
}

// A rest is the time in which the source stays armed though nothing waits, with the lock
// held.
type rest struct {
	timer *time.Timer // nil before the first
	runs  bool        // timer does
	again bool        // there was another rest since it was set
}

// lead reports whether the waiter in p, which was just queued, is going to lead. The caller
// holds the lock.
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

// ownLeader returns the leader, which it makes the first time. The caller holds the lock.
func (n *Notifier) ownLeader() *leader {
	if n.leader == nil {
		l := new(leader)
		l.Leader = lead.NewLeader(n.count.Serve, l.done)
		n.leader = l
	}
	return n.leader
}

// leadFirst returns the place of a waiter that leads without having looked for a count,
// which a leader does anyway before it waits, or nil. The source is armed already, so
// Prepare makes no event of what is there. The caller holds the lock.
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

// isSteady reports whether a Wait with ctx, which is about to sleep, is one of a steady
// row. The caller holds the lock.
func (n *Notifier) isSteady(ctx context.Context) bool {
	done := ctx.Done()
	alone := n.waiters.Len() <= 1 && n.c.Load() == nil
	if !alone || n.done != done {
		n.done, n.alike = done, 0
	}
	return alone && n.alike >= steady
}

// hasty is called when Wait has found a count, or an error, and has not slept. The caller
// holds the lock.
func (n *Notifier) hasty() {
	n.alike -= min(n.alike, unlike)
	if n.alike < steady && n.waiters.Len() == 0 && n.c.Load() == nil {
		n.count.Disarm()
	}
}

// relax is called when an event has come and no goroutine waits any more. If one did, and
// it is going to wait again before the next signal, the source stays armed. The caller
// holds the lock.
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

// begin has n.disarm called after a while.
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

// disarm is called by the timer of a rest, and disarms the source unless Wait has been
// called since.
func (n *Notifier) disarm() {
	if !n.count.Lock() {
		return
	}
	defer n.count.Unlock()
	again := n.leader.rest.again
	n.leader.rest.runs = false
	switch {
	case n.waited(): // the next rest sets the timer
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

// sleep leads, without the lock, until the goroutine is served or ctx is done, or something
// else needs the poller.
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

// done reports whether the goroutine need not sleep any longer. Once it has received, the
// place can be another waiter's.
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

// watch has the end of ctx nudge the leader, as it does already if the Wait before had the
// same one.
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

// end takes back watch, after Close. The caller holds the lock.
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
