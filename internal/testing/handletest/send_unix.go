//go:build unix

package handletest

import (
	"sync/atomic"
	"unsafe"
)

// The offsets in a queue's handle.
const (
	atHeader = 40 // of a pointer
	atSize   = 48 // of the first of four 32-bit numbers
	atStride = 52
	atMask   = 56
	atCells  = 60
)

// The offsets in the queue's header.
const (
	atTail    = 0
	atHead    = 128
	atRefused = 256
)

// The flags.
const (
	tailClosed = 1 << 63
	cellSleep  = 1 << 63
)

func at[N any](base unsafe.Pointer, offset uintptr) *N { return (*N)(unsafe.Add(base, offset)) }

// header returns the memory that the senders of the queue share.
func header(handle unsafe.Pointer) unsafe.Pointer { return *at[unsafe.Pointer](handle, atHeader) }

// cell returns the cell of position p: its value, and its state, which is in its last 8 bytes.
func cell(handle unsafe.Pointer, p uint64) (value unsafe.Pointer, state *atomic.Uint64) {
	stride := uintptr(*at[uint32](handle, atStride))
	first := unsafe.Add(header(handle), *at[uint32](handle, atCells))
	value = unsafe.Add(first, uintptr(p&uint64(*at[uint32](handle, atMask)))*stride)
	return value, at[atomic.Uint64](value, stride-8)
}

// Cells returns the memory of the cells.
func Cells(handle unsafe.Pointer) (first unsafe.Pointer, bytes uintptr) {
	first, _ = cell(handle, 0)
	return first, (uintptr(*at[uint32](handle, atMask)) + 1) * uintptr(*at[uint32](handle, atStride))
}

// Send sends v as eventchan_send does.
func Send[T any](handle unsafe.Pointer, v T) Answer {
	place, ticket, answer := Reserve[T](handle)
	if answer != OK {
		return answer
	}
	*place = v
	return Commit(handle, ticket)
}

// Reserve reserves a place as eventchan_reserve does.
func Reserve[T any](handle unsafe.Pointer) (place *T, ticket uint64, answer Answer) {
	var v T
	if handle == nil {
		return nil, 0, Late
	}
	if uintptr(*at[uint32](handle, atSize)) != unsafe.Sizeof(v) {
		return nil, 0, WrongSize
	}
	q := header(handle)
	tail, head := at[atomic.Uint64](q, atTail), at[atomic.Uint64](q, atHead)
	for {
		p := tail.Load()
		if p&tailClosed != 0 {
			return nil, 0, Late
		}
		if p-head.Load() > uint64(*at[uint32](handle, atMask)) {
			if tail.Load() != p {
				continue
			}
			at[atomic.Uint64](q, atRefused).Add(1)
			return nil, 0, Full
		}
		if tail.CompareAndSwap(p, p+1) {
			value, _ := cell(handle, p)
			return (*T)(value), p, OK
		}
	}
}

// Commit sends the value in a reserved place, as eventchan_commit does.
func Commit(handle unsafe.Pointer, ticket uint64) Answer {
	if handle == nil {
		return Late
	}
	_, state := cell(handle, ticket)
	last := ticket - uint64(*at[uint32](handle, atMask))
	for {
		old := state.Load()
		if old&^cellSleep != last {
			return Late
		}
		if !state.CompareAndSwap(old, ticket+1) {
			continue
		}
		if old&cellSleep != 0 {
			Signal(handle, 1)
		}
		return OK
	}
}
