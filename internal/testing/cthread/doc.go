// Package cthread starts C threads that signal eventfds and take from them, for
// tests, which may not use cgo themselves. The threads know nothing of Go: they
// call write(2), read(2) and poll(2), with all signals blocked.
package cthread

import "errors"

// ErrUnavailable is matched by every error where there is no cgo, or no Linux.
var ErrUnavailable = errors.New("no C threads without cgo and Linux")
