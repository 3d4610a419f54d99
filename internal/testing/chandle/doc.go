// Package chandle starts C threads that signal through handles, for tests, which
// cannot use cgo themselves. The threads know nothing of Go: all they have is
// bridge/callback/eventchan.h.
package chandle

import "errors"

// ErrUnavailable is matched by every error where there is no cgo, or no Unix.
var ErrUnavailable = errors.New("no C threads without cgo and Unix")

// Told is what eventchan_add answered.
type Told struct {
	Added        uint64 // the sum of what it returned 0 for
	Closed, Full int    // how often it returned EBADF and EAGAIN
}

// Plus returns the sum of both.
func (t Told) Plus(u Told) Told {
	return Told{t.Added + u.Added, t.Closed + u.Closed, t.Full + u.Full}
}

// A Stop is where a [Paused] stops when it rings.
type Stop int

const (
	BeforeRung  Stop = 1 + iota // it has added, and found RING
	BeforePush                  // it has made RING RUNG
	BeforeWrite                 // it has pushed the handle
	BeforeQuiet                 // it has written
)

// A Value is what a [Sender] sends: struct value of send.go.
type Value struct{ Sender, Number uint64 }
