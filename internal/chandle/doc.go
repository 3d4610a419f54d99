// Package chandle starts C threads that signal through handles, for tests, which
// may not use cgo themselves. The threads know nothing of Go: all they have is
// bridge/callback/eventchan.h.
package chandle

import "errors"

// ErrUnavailable is matched by every error where there is no cgo, or no Linux.
var ErrUnavailable = errors.New("no C threads without cgo and Linux")

// Told is what eventchan_add answered.
type Told struct {
	Added        uint64 // the sum of what it returned 0 for
	Closed, Full int    // how often it returned EBADF and EAGAIN
}

// Plus returns the sum of both.
func (t Told) Plus(u Told) Told {
	return Told{t.Added + u.Added, t.Closed + u.Closed, t.Full + u.Full}
}
