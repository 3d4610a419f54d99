// Package cthread starts C threads that signal eventfds and take from them, for
// tests, which cannot use cgo themselves. The threads do not depend on Go: they
// call write(2), read(2) and poll(2), with all signals blocked.
package cthread

import "errors"

// ErrUnavailable is what every function returns without cgo, or on systems other than Linux.
var ErrUnavailable = errors.New("no C threads without cgo and Linux")
