package queue

import (
	"fmt"
	"math"
	"math/bits"
	"os"
	"reflect"
)

// maxSize is the size of the largest value, in bytes: more cannot be an element of
// a Go channel.
const maxSize = math.MaxUint16

// maxMemory bounds what a queue takes, with what it takes beside its values.
const maxMemory = 1 << 30

// check returns an error unless values of type t can be copied to and from C as bytes.
// It reports whether there are pointers in t, which must be to C's memory.
func check(t reflect.Type) (pointers bool, err error) {
	if size := t.Size(); size == 0 || size > maxSize {
		return false, fmt.Errorf("values of %v have %d bytes, not 1 to %d: %w", t, size, maxSize, os.ErrInvalid)
	}
	pointers, culprit := look(t)
	if culprit != nil {
		return false, fmt.Errorf("values of %v contain %v, which means nothing to C: %w", t, culprit, os.ErrInvalid)
	}
	return pointers, nil
}

// look returns the first type in t that is Go's alone, or nil.
func look(t reflect.Type) (pointers bool, culprit reflect.Type) {
	switch t.Kind() {
	case reflect.String, reflect.Slice, reflect.Map, reflect.Interface, reflect.Chan, reflect.Func:
		return false, t
	case reflect.Pointer, reflect.UnsafePointer:
		return true, nil
	case reflect.Array:
		return look(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			p, culprit := look(t.Field(i).Type)
			if culprit != nil {
				return false, culprit
			}
			pointers = pointers || p
		}
	}
	return pointers, nil
}

// stride returns how far cells are apart: a value at the beginning, the state of the
// cell in the last 8 bytes. A value that may be aligned to 16 in C is.
func stride(size uintptr) uintptr {
	align := uintptr(8)
	if size%16 == 0 {
		align = 16
	}
	return (size + 8 + align - 1) &^ (align - 1)
}

// places returns capacity rounded up to a power of two.
func places(capacity int, size uintptr) (uint64, error) {
	if capacity < 1 {
		return 0, fmt.Errorf("the capacity is %d: %w", capacity, os.ErrInvalid)
	}
	most := uint64(maxMemory) / uint64(stride(size))
	if n := uint64(1) << bits.Len64(uint64(capacity)-1); n <= most && memory(n, size) <= maxMemory {
		return n, nil
	}
	return 0, fmt.Errorf("%d values of %d bytes need more than %d bytes: %w", capacity, size, maxMemory, os.ErrInvalid)
}

// memory returns how much the senders of a queue share.
func memory(places uint64, size uintptr) uint64 {
	return uint64(cellsOffset) + places*uint64(stride(size))
}

// cellsOffset is where cells begin, a page after the rest, so that they can be given
// back to the system by themselves.
var cellsOffset = uintptr(os.Getpagesize())
