package queue

import (
	"fmt"
	"math"
	"math/bits"
	"os"
	"reflect"
)

// maxSize is the size of the largest value in bytes, which is that of the largest element of
// a Go channel.
const maxSize = math.MaxUint16

// maxMemory is the most memory that a Queue can use for values and bookkeeping, in bytes.
const maxMemory = 1 << 30

// check returns an error unless values of type t can be copied between Go and C as bytes. It
// reports whether t contains pointers, which must point to C memory.
func check(t reflect.Type) (pointers bool, err error) {
	if size := t.Size(); size == 0 || size > maxSize {
		return false, fmt.Errorf("values of %d bytes, not of 1 to %d: %w", size, maxSize, os.ErrInvalid)
	}
	pointers, culprit := look(t)
	if culprit != nil {
		return false, fmt.Errorf("values contain a %v: %w", culprit, os.ErrInvalid)
	}
	return pointers, nil
}

// look reports whether t contains pointers. If t contains a type that C does not have, look
// returns the first one as culprit.
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

// stride returns the distance between cells. A cell begins with the value; the state is in
// its last 8 bytes. Values whose size is a multiple of 16 are aligned to 16 bytes, because C
// might require that.
func stride(size uintptr) uintptr {
	align := uintptr(8)
	if size%16 == 0 {
		align = 16
	}
	return (size + 8 + align - 1) &^ (align - 1)
}

// places returns capacity rounded up to a power of two, or an error if that is not possible.
func places(capacity int, size uintptr) (uint64, error) {
	if capacity < 1 {
		return 0, fmt.Errorf("capacity is less than 1: %w", os.ErrInvalid)
	}
	most := uint64(maxMemory) / uint64(stride(size))
	if n := uint64(1) << bits.Len64(uint64(capacity)-1); n <= most && memory(n, size) <= maxMemory {
		return n, nil
	}
	return 0, fmt.Errorf("values of %d bytes need more than %d bytes: %w", size, maxMemory, os.ErrInvalid)
}

// memory returns the size of the memory that the senders of a Queue share.
func memory(places uint64, size uintptr) uint64 {
	return uint64(cellsOffset) + places*uint64(stride(size))
}

// cellsOffset is the offset of the cells, which begin one page after the header so that they
// can be released separately.
var cellsOffset = uintptr(os.Getpagesize())
