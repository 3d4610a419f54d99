package queue_test

import (
	"errors"
	"math"
	"os"
	"testing"
	"unsafe"

	"github.com/eventchan/eventchan/bridge/queue"
)

// newOf returns a function that calls New.
func newOf[T any](capacity int) func() error {
	return func() error {
		q, err := queue.New[T](capacity)
		if err == nil {
			q.Close()
		} else if q != nil {
			return errors.New("New returned a queue and an error")
		}
		return err
	}
}

type (
	inner[T any] struct {
		_ int32
		V [3]struct{ W T }
	}
	nested[T any] struct {
		ID uint64
		A  [2]inner[T]
	}
	list struct {
		Next *list
		N    int
	}
)

// New refuses types that C does not have, at any depth of T, and sizes and capacities that
// are too large. Values of 65,536 bytes do not compile.
func TestNewRefuses(t *testing.T) {
	for name, create := range map[string]func() error{
		"string":             newOf[string](4),
		"slice":              newOf[[]byte](4),
		"map":                newOf[map[int]int](4),
		"any":                newOf[any](4),
		"error":              newOf[error](4),
		"channel":            newOf[chan int](4),
		"function":           newOf[func()](4),
		"array of functions": newOf[[2]func()](4),
		"array of channels":  newOf[[2]<-chan int](4),
		"nested string":      newOf[nested[string]](4),
		"nested slice":       newOf[nested[[]byte]](4),
		"nested map":         newOf[nested[map[int]int]](4),
		"nested interface":   newOf[nested[any]](4),
		"nested channel":     newOf[nested[chan int]](4),
		"nested function":    newOf[nested[func()]](4),
		"function behind a pointer": newOf[struct {
			p *int
			f func()
		}](4),
		"size 0":                      newOf[struct{}](4),
		"size 0 of an array":          newOf[[0]uint64](4),
		"capacity 0":                  newOf[uint64](0),
		"capacity -1":                 newOf[uint64](-1),
		"capacity MinInt":             newOf[uint64](math.MinInt),
		"capacity MaxInt":             newOf[uint64](math.MaxInt),
		"capacity MaxInt of one byte": newOf[byte](math.MaxInt),
		"1 GiB of cells":              newOf[uint64](1 << 26),
		"more than half of that":      newOf[uint64](1<<25 + 1),
		"1 GiB of the largest values": newOf[[65_535]byte](1 << 14),
	} {
		t.Run(name, func(t *testing.T) { wantIs(t, "New", create(), os.ErrInvalid) })
	}
}

// New accepts all types that mean the same in C, up to the largest sizes and capacities.
func TestNewAccepts(t *testing.T) {
	for name, create := range map[string]func() error{
		"bool":           newOf[bool](1),
		"complex128":     newOf[complex128](1),
		"uintptr":        newOf[uintptr](1),
		"pointer":        newOf[*int](1),
		"unsafe.Pointer": newOf[unsafe.Pointer](1),
		"a list":         newOf[list](1),
		"nested numbers": newOf[nested[float32]](1),
		"size 65,535":    newOf[[65_535]byte](1),
		"half a GiB":     newOf[uint64](1 << 25),
	} {
		if err := create(); err != nil {
			t.Errorf("New of %s = %v", name, err)
		}
	}
}

// Cap is the capacity passed to New, rounded up to a power of two.
func TestCapIsAPowerOfTwo(t *testing.T) {
	for capacity, want := range map[int]int{1: 1, 2: 2, 3: 4, 4: 4, 5: 8, 1024: 1024, 1025: 2048} {
		q := mustNew[[3]byte](t, capacity)
		if got := q.Cap(); got != want {
			t.Errorf("Cap = %d of a queue for %d, want %d", got, capacity, want)
		}
	}
}

// Every byte of a value arrives, for every size.
func TestValuesOfAnySizeArrive(t *testing.T) {
	anySizeArrives(t, [1]byte{9})
	anySizeArrives(t, [3]byte{1, 2, 3})
	anySizeArrives(t, uint16(0xfeed))
	anySizeArrives(t, [7]byte{6: 7})
	anySizeArrives(t, math.Pi)
	anySizeArrives(t, [9]byte{8: 9})
	anySizeArrives(t, complex(1, 2))
	anySizeArrives(t, [24]byte{23: 24})
	anySizeArrives(t, nested[float32]{ID: 5, A: [2]inner[float32]{1: {V: [3]struct{ W float32 }{2: {7}}}}})
	large := [65_535]byte{0: 1, 65_534: 2}
	anySizeArrives(t, large)
}

func anySizeArrives[T comparable](t *testing.T, v T) {
	t.Helper()
	q := mustNew[T](t, 2)
	var zero T
	for range 3 { // so that each cell is used again
		for _, want := range []T{v, zero} {
			mustSend(t, q, want)
		}
		for _, want := range []T{v, zero} {
			if got, err := q.Receive(background); got != want || err != nil {
				t.Errorf("a %T has changed on its way, error %v", v, err)
			}
		}
	}
}

// Go cannot send pointers, because the queue would not keep the memory alive.
func TestSendRefusesPointers(t *testing.T) {
	q := mustNew[struct{ p *int }](t, 2)
	wantIs(t, "Send of a pointer", q.Send(struct{ p *int }{new(int)}), os.ErrInvalid)
	wantIs(t, "Send of a nil pointer", q.Send(struct{ p *int }{}), os.ErrInvalid)
	wantEmpty(t, q)
	if got := q.Refused(); got != 0 {
		t.Errorf("Refused = %d, want 0 because the queue was not full", got)
	}
}
