//go:build unix

package handletest

import "sync/atomic"

// A Slot is the struct of docs/protocol.md to which a handle points.
type Slot struct {
	Word  atomic.Uint64
	Magic uint64
	Next  uint64 // the value of Head when the Slot was pushed
	Index uint32
	FD    int32
	Head  *atomic.Uint64
}

// The parts of a Head.
const (
	Quiet    = 1 << 63
	OneEpoch = Index + 1
	Index    = 1<<32 - 1
)
