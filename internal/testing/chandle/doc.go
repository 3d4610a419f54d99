// Package chandle starts C threads that signal through handles, for tests, which
// cannot use cgo themselves. The threads do not depend on Go: they use only
// bridge/callback/eventchan.h.
package chandle

import "errors"

// ErrUnavailable is what every function returns without cgo, or off Unix.
var ErrUnavailable = errors.New("no C threads without cgo and Unix")

// Answers is what a thread's calls of eventchan_add have returned.
type Answers struct {
	Added        uint64 // the sum of the calls that returned 0
	Closed, Full int    // how many calls returned EBADF and EAGAIN
}

// Plus returns the sum of both.
func (t Answers) Plus(u Answers) Answers {
	return Answers{t.Added + u.Added, t.Closed + u.Closed, t.Full + u.Full}
}

// A Stop is a place where a [Paused] stops while it rings.
type Stop int

const (
	BeforeRung  Stop = 1 + iota // it has added and found RING
	BeforePush                  // it has replaced RING by RUNG
	BeforeWrite                 // it has pushed the handle
	BeforeQuiet                 // it has written
)

// A Value is what a [Sender] sends: struct value in send.go.
type Value struct{ Sender, Number uint64 }
