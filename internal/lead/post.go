// Package lead decides which goroutine waits in the poller of Go's runtime for a
// descriptor on whose events many goroutines depend.
//
// As a rule that is a goroutine of its own, the keeper, which wakes the others through
// their channels. A goroutine that is the only one to sleep can take the keeper's place:
// then the runtime wakes it directly, without another goroutine and, on several
// processors, without another system call in between.
package lead

import (
	"sync/atomic"

	"github.com/eventchan/eventchan/internal/rawefd"
)

// A Post is the place of the one goroutine that waits for a descriptor: of its keeper,
// of a [Leader], or of none while nothing sleeps.
//
// No sleeper is left without one. A sleeper first counts itself in needed and then looks
// whether the post is manned; a goroutine that gives up the post first says so in manned
// and then looks at needed. These are two locations that each side writes and reads in
// opposite order, all of it sequentially consistent, so at least one of the two sees
// the other and has the post manned again.
//
// Nor is an event lost in between. Whichever goroutine mans the post looks before it
// waits, and the runtime keeps an edge that came before that.
type Post struct {
	polled *rawefd.Polled
	look   Look

	needed atomic.Int32 // sources that have sleepers
	manned atomic.Bool
	asked  atomic.Bool // a sleeper would lead if the keeper went
	busy   atomic.Bool // the leader is looking, and then asks itself whether it is done
	ended  atomic.Bool
}

// A Look handles the events that have come. It is called by one goroutine at a time, with
// the Leader that it is, or with nil by the keeper. A leader handles only what is its own:
// it can be locked to a thread that does not have the descriptors of the others (see
// unshare(2)). So a Look returns false if something is left that the keeper must handle.
type Look func(l *Leader) (rested bool)

// NewPost returns a Post without a goroutine.
func NewPost(polled *rawefd.Polled, look Look) *Post {
	return &Post{polled: polled, look: look}
}

// Need is called with 1 before a source has sleepers, and then Ensure or Leader.Take, and
// with -1 when it has none any more.
func (p *Post) Need(change int32) { p.needed.Add(change) }

// Ensure has the post manned, by the keeper if need be.
func (p *Post) Ensure() {
	if !p.manned.Load() && p.manned.CompareAndSwap(false, true) {
		go p.keep()
	}
}

// keep is the keeper. It stays at the post though nothing sleeps for a while: the next
// sleeper then need not start a goroutine. It goes when a sleeper has asked for the post,
// or after an Interrupt.
func (p *Post) keep() {
	look := func(uintptr) bool {
		p.look(nil)
		return p.ended.Load() || p.needed.Load() == 0 && p.asked.Load()
	}
	for !p.polled.Read(look) {
		p.polled.Resume()
		if p.needed.Load() == 0 {
			break
		}
	}
	p.asked.Store(false)
	p.resign()
}

// resign gives up the post. What is left to handle is left to the next goroutine there.
func (p *Post) resign() {
	p.manned.Store(false)
	switch {
	case p.ended.Load():
		p.close()
	case p.needed.Load() > 0:
		p.Ensure()
	}
}

// End closes the descriptor once the goroutine at the post has gone, and sees to that.
// Nothing needs the post any more.
func (p *Post) End() {
	p.ended.Store(true)
	if !p.close() {
		p.polled.Interrupt()
	}
}

// close closes the descriptor unless the post is manned, and leaves it manned for good.
func (p *Post) close() bool {
	if !p.manned.CompareAndSwap(false, true) {
		return false
	}
	p.polled.Close()
	return true
}
