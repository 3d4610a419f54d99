// Package cpeer is the C side of the benchmarks: threads that Go did not start,
// which signal through write(2) or a cgo callback, and pairs of C threads to
// compare with. Without cgo every function returns [ErrUnavailable].
package cpeer

import "errors"

// ErrUnavailable says why a row has no figures.
var ErrUnavailable = errors.New("needs cgo, for a C thread")
