// Package cpeer is the C side of the benchmarks: threads that Go did not start,
// which signal or send values through write(2), a handle or a cgo callback, and
// pairs of C threads to compare with. Without cgo every function returns [ErrUnavailable].
package cpeer

import (
	"errors"
	"unsafe"
)

// ErrUnavailable says why a row has no figures.
var ErrUnavailable = errors.New("needs cgo, for a C thread")

// ErrNotPermitted says why rows of SCHED_FIFO have no figures.
var ErrNotPermitted = errors.New("this process may not use SCHED_FIFO (see ulimit -r)")

// A Line is how a thread signals.
type Line struct {
	Handle unsafe.Pointer // by eventchan_add, unless nil
	FD     int            // else by write(2) to this eventfd, unless negative
	Queue  unsafe.Pointer // else by eventchan_send of 16 bytes, unless nil
}

// Write is the Line of an eventfd.
func Write(fd int) Line { return Line{FD: fd} }

// Callback is to call the function that was given to SetCallee.
var Callback = Line{FD: -1}

// A Route is how a thread sends values.
type Route struct {
	Queue unsafe.Pointer // by eventchan_send, unless nil
	Array *Array         // else into this Array, unless nil
	FD    int            // else by write(2) to this pipe, unless negative
}

// ValueCallback is to call the function that was given to SetValueCallee.
var ValueCallback = Route{FD: -1}
