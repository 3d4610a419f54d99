package counter

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/eventchan/eventchan/internal/ctxdone"
	"github.com/eventchan/eventchan/internal/lead"
)

// Steady is how many sleeps in a row must have been alike before a goroutine leads (see package lead).
// Sleeps are alike if the goroutine was the only waiter, used the same ctx, was woken by a signal that
// Go code of this process did not send, and waited again before the next signal. Then the source stays
// armed between them. That saves two system calls per sleep, and costs a wake-up of a thread for each
// signal that comes while no goroutine is waiting. All other waits go through the goroutine of the
// poller.
//
// Only tests change it.
var Steady uint8 = 8

// mostAlike is the limit up to which sleeps that were alike are counted. A call that does not need to
// sleep, or a signal without a waiter, subtracts unlike, so one in five can be of that kind.
const (
	mostAlike = 16
	unlike    = 4
)

// idleDelay is how long the source stays armed without a waiter.
const idleDelay = 10 * time.Millisecond

// A Sleeper is where a goroutine that can lead waits: a channel with a buffer of one, to
// which the owner sends when it serves the goroutine.
type Sleeper interface {
	// Served reports whether something is in the channel, and leaves it there.
	Served() bool
}

// A leader is a goroutine that itself sleeps in the poller of the Go runtime; see internal/lead.
// The lock guards the fields of which the comments say nothing else.
type leader struct {
	*lead.Leader

	// Lead sets these while nothing leads, so the leading goroutine reads them without the lock.
	sleeper Sleeper         // what it waits at
	leaving <-chan struct{} // the Done channel of its ctx

	done <-chan struct{} // the Done channel of the row of sleeps that were alike

	// watched is the Done channel of the ctx whose end nudges the leader, and stop undoes the
	// ctxdone.AfterFunc that does so. Both are kept for the next sleep.
	watched <-chan struct{}
	stop    func() bool

	unfollowed atomic.Bool // a goroutine could lead if watched were its Done channel; a hint for Follow

	idle idle
}

// An idle is a time in which the source stays armed without a waiter. The lock guards it.
type idle struct {
	timer *time.Timer // nil before the first such time
	runs  bool        // the timer is running
	again bool        // another such time has begun since the timer was set
}

// The caller of the methods below holds the lock where not said otherwise.

// canLead reports whether a goroutine could lead: it waits for one source of events, the eventfd or the
// doorbell, and not for both.
func (c *Counter) canLead() bool { return c.Shared() != (c.fd.Load() != nil) }

// JoinRow counts a goroutine that is about to sleep to the row of sleeps that were alike, or lets it
// begin a new row. It reports whether the goroutine is going to lead if the post is free. If only an
// unfollowed ctx keeps it from that, Follow follows the ctx before the next sleep. done is the Done channel
// of its ctx. If alone, nothing else waits.
func (c *Counter) JoinRow(done <-chan struct{}, alone bool) bool {
	if !alone {
		c.alike = 0
	}
	if !alone || c.alike < Steady || !c.canLead() {
		return false
	}
	l := c.ownLeader()
	if l.done != done {
		l.done, c.alike = done, 0
	}
	if c.alike < Steady {
		return false
	}
	follows := done == nil || l.watched == done
	l.unfollowed.Store(!follows)
	return follows
}

// Lead reports whether a goroutine that is about to sleep at s leads: then it calls SleepLeading. It
// does if it is steady, alone, and nothing else sleeps at the post. Otherwise Serve will be called by
// another goroutine. Prepare came before. done is the Done channel of the goroutine's ctx.
func (c *Counter) Lead(done <-chan struct{}, s Sleeper, alone bool) bool {
	if !c.JoinRow(done, alone) {
		return c.man(nil)
	}
	l := c.leader.Load()
	if !l.Free() {
		return c.man(nil)
	}
	l.sleeper, l.leaving = s, done
	return c.man(l.Leader)
}

// ownLeader returns the leader, and makes it the first time.
func (c *Counter) ownLeader() *leader {
	l := c.leader.Load()
	if l == nil {
		l = new(leader)
		l.Leader = lead.NewLeader(c.Serve, l.isDone)
		c.leader.Store(l)
	}
	return l
}

// isDone reports whether the leader can stop sleeping. Only the leading goroutine calls it, without
// the lock.
func (l *leader) isDone() bool { return l.sleeper.Served() || ctxdone.Closed(l.leaving) }

// Nudge is called after a send to s, and ends its sleep if it leads.
func (c *Counter) Nudge(s Sleeper) {
	if l := c.leader.Load(); l != nil && l.sleeper == s {
		l.Nudge()
	}
}

// SleepLeading sleeps, without the lock, until the goroutine is served, its ctx is done, or something
// else needs the poller. In the last case the goroutine then waits like any other.
func (c *Counter) SleepLeading() {
	l := c.leader.Load()
	waited := l.Sleep()
	l.leaving = nil
	l.Release()
	if !waited && c.Lock() {
		c.Hasty()
		if !l.sleeper.Served() {
			c.owner.Serve() // the leader has not looked for a count yet, and has left the post
		}
		c.Unlock()
	}
}

// Follow arranges that the end of ctx nudges a leader that sleeps with ctx, if JoinRow has found that
// nothing else keeps such a goroutine from leading. If ctx is from another package than context, that
// costs a goroutine, one for each object, until ctx is done or the object is closed or sleeps with another
// ctx. done is the Done channel of ctx. Follow calls
// methods of ctx, which can do anything: take locks, signal, panic. The caller therefore neither holds
// a lock nor has begun to wait.
func (c *Counter) Follow(ctx context.Context, done <-chan struct{}) {
	l := c.leader.Load()
	if l == nil || !l.unfollowed.Load() {
		return
	}
	l.unfollowed.Store(false)
	c.LockShut()
	steady := l.done == done && l.watched != done
	c.UnlockShut()
	if !steady {
		return
	}
	stop := ctxdone.AfterFunc(ctx, done, func() { l.Nudge(); c.forget(done) })
	c.LockShut()
	if l.Free() && !c.ended && !ctxdone.Closed(done) { // a leader needs the one that is watched
		l.watched, l.stop, stop = done, stop, l.stop
	}
	c.UnlockShut()
	if stop != nil {
		stop()
	}
}

// forget is called without the lock when a followed ctx has ended, so that its memory can be freed.
func (c *Counter) forget(done <-chan struct{}) {
	c.LockShut()
	defer c.UnlockShut()
	if l := c.leader.Load(); l.watched == done {
		l.watched, l.stop = nil, nil
	}
}

// end undoes Follow and the idle time, after Close.
func (l *leader) end() {
	if l == nil {
		return
	}
	if l.stop != nil {
		l.stop()
		l.watched, l.stop = nil, nil
	}
	if l.idle.timer != nil {
		l.idle.timer.Stop()
	}
}

// Alike is called when an event has come and has served the only sleeper.
func (c *Counter) Alike() {
	if c.alike < mostAlike {
		c.alike++
	}
}

// NotAlike is called when Go code of this process has served a sleeper. A new row begins then.
func (c *Counter) NotAlike() { c.alike = 0 }

// Unlike is called when a goroutine has not slept, or an event has come and there was no
// sleeper.
func (c *Counter) Unlike() { c.alike -= min(c.alike, unlike) }

// Hasty is Unlike, and disarms the source if nothing waits and the row has ended.
func (c *Counter) Hasty() {
	c.Unlike()
	if c.alike < Steady && !c.needed() {
		c.Disarm()
	}
}

// Relax is called when nothing waits any more. If a goroutine has slept often, and is
// going to sleep again before the next signal, the source stays armed.
func (c *Counter) Relax() {
	if c.alike < Steady {
		c.Disarm()
	} else {
		c.Linger()
	}
}

// Linger is Rest, but the source stays armed for a while. The keeper can leave the post
// during that time, because nothing waits for an event.
func (c *Counter) Linger() {
	c.Rest()
	if !c.Armed() {
		return
	}
	if i := &c.ownLeader().idle; !i.runs {
		i.begin(c)
	} else {
		i.again = true
	}
}

// begin begins an idle time, after which c.tire is called.
func (i *idle) begin(c *Counter) {
	if i.timer == nil {
		i.timer = time.AfterFunc(idleDelay, c.tire)
	} else {
		i.timer.Reset(idleDelay)
	}
	i.runs, i.again = true, false
}

// tire is called by the timer of an idle time, without the lock, and disarms the source unless a goroutine
// has waited since.
func (c *Counter) tire() {
	if !c.Lock() {
		return
	}
	defer c.Unlock()
	i := &c.leader.Load().idle
	again := i.again
	i.runs = false
	switch {
	case c.needed(): // the next idle time sets the timer again
	case again:
		i.begin(c)
	default:
		c.alike = 0
		c.Disarm()
	}
}
