// Package lead decides which goroutine waits in the poller of Go's runtime for a
// descriptor on whose events many goroutines depend.
//
// Usually that is a separate goroutine, the keeper, which wakes the others through
// their channels. A goroutine that is the only one to sleep can take the keeper's place.
// It is then called the leader, and the runtime wakes it directly, without another goroutine
// and, on several processors, without another system call in between.
package lead

import (
	"sync/atomic"

	"github.com/eventchan/eventchan/internal/rawefd"
)

// A Post is the place of the one goroutine that waits for a descriptor. The post is manned
// while its keeper or a [Leader] is there; it can be unmanned while nothing sleeps.
//
// No sleeper waits at an unmanned post. A sleeper first counts itself in needed and then
// reads manned; a goroutine that resigns first clears manned and then reads needed. Each side
// writes its own location before it reads the other's, and all of these operations are
// sequentially consistent. At least one of the two therefore sees the other's write and makes
// sure that the post is manned again.
//
// No event is lost in between, either: a goroutine that takes the post handles the events that
// are there before it waits, and the runtime keeps an edge that came before that.
type Post struct {
	polled *rawefd.Polled
	look   Look

	needed atomic.Int32 // how many sources have sleepers
	manned atomic.Bool  // a goroutine is at the post, or the descriptor is closed
	kept   atomic.Bool  // that goroutine is the keeper; only what has manned the post sets it
	asked  atomic.Bool  // a sleeper could have led if the keeper had gone
	busy   atomic.Bool  // the leader is in its Look, and checks afterwards whether it is done
	ended  atomic.Bool  // End was called
}

// A Look handles the events that have come. One goroutine at a time calls it: a leader with
// its Leader, the keeper with nil. A leader handles only its own events, because it can be
// locked to a thread that lacks the descriptors of the others (see unshare(2)). The Look
// returns false if it has left events that the keeper must handle.
type Look func(l *Leader) (rested bool)

// NewPost returns a Post without a goroutine.
func NewPost(polled *rawefd.Polled, look Look) *Post {
	return &Post{polled: polled, look: look}
}

// Need is called with 1 before a source has sleepers, followed by a call of Ensure or
// Leader.Take, and with -1 when the source has no sleepers any more.
func (p *Post) Need(change int32) { p.needed.Add(change) }

// Ensure makes sure that the post is manned: it starts the keeper if no goroutine is there.
func (p *Post) Ensure() {
	if !p.manned.Load() && p.manned.CompareAndSwap(false, true) {
		p.kept.Store(true)
		go p.keep()
	}
}

// Kept reports whether the keeper is at the post. While it is, no leader is. It returns false for
// a moment while Ensure starts the keeper, and while the keeper resigns.
func (p *Post) Kept() bool { return p.kept.Load() }

// keep is the keeper. It stays at the post even while nothing sleeps, so that the next sleeper
// does not have to start a goroutine. If nothing sleeps, it goes once a sleeper has asked for
// the post, or after an Interrupt.
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
	p.kept.Store(false)
	p.resign()
}

// resign gives up the post. Events that have not been handled are left to the next goroutine
// at the post.
func (p *Post) resign() {
	p.manned.Store(false)
	switch {
	case p.ended.Load():
		p.close()
	case p.needed.Load() > 0:
		p.Ensure()
	}
}

// End closes the descriptor, or makes the goroutine at the post go and close it. It is called
// when nothing needs the post any more.
func (p *Post) End() {
	p.ended.Store(true)
	if !p.close() {
		p.polled.Interrupt()
	}
}

// close closes the descriptor unless the post is manned, and reports whether it did. It leaves
// the post manned for good.
func (p *Post) close() bool {
	if !p.manned.CompareAndSwap(false, true) {
		return false
	}
	p.polled.Close()
	return true
}
