//go:build cgo && linux

package cpeer

// #include <stdlib.h>
// #include "peer.h"
import "C"

import (
	"unsafe"
)

// A Board is where threads find the handles that they signal or send through.
type Board struct{ board *C.struct_board }

// NewBoard returns an empty Board of n places, or nil without cgo.
func NewBoard(n int) *Board {
	b := (*C.struct_board)(C.calloc(1, C.sizeof_struct_board))
	b.handles = (*unsafe.Pointer)(C.calloc(C.size_t(n), C.size_t(unsafe.Sizeof(uintptr(0)))))
	b.n = C.uint32_t(n)
	return &Board{b}
}

// Put puts a handle in the place of another one, which threads may still use.
func (b *Board) Put(place int, handle unsafe.Pointer) {
	C.peer_put(b.board, C.uint32_t(place), handle)
}

// Signal starts a thread that signals until Stop, through handles on the Board, in
// bursts and one by one, and through those that were there before.
func (b *Board) Signal(seed int) (*Thread, error) {
	return start(C.ENDURE, C.struct_job{board: b.board, n: C.uint64_t(seed)})
}

// Stop lets all threads end.
func (b *Board) Stop() { C.peer_stop(b.board) }

// Tally is how many signals of a thread of a Board were accepted, and how many
// came after Close. To be called after Join.
func (t *Thread) Tally() (accepted, late uint64) { return t.accepted, t.late }

// Free frees the Board, once all threads have been joined.
func (b *Board) Free() {
	C.free(unsafe.Pointer(b.board.handles))
	C.free(unsafe.Pointer(b.board))
}
