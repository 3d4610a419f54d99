package queue

import (
	"sync/atomic"
	"unsafe"

	"github.com/eventchan/eventchan/internal/doorbell"
	"github.com/eventchan/eventchan/internal/rawefd"
)

// Positions count all values that were ever sent. They begin with the number of
// cells, so that each cell has a state that is not 0 from the beginning: what was
// given back to the system reads as 0, and a late commit finds the difference.
type header struct {
	tail    atomic.Uint64 // the next position to claim, and closed
	_       [120]byte     // a cache line of its own, and the one that is prefetched with it
	head    atomic.Uint64 // the number of cells, and of places that were ever free again
	_       [120]byte
	refused atomic.Uint64
	_       [120]byte
}

// The header of C, struct eventchan_queue, has the same size.
var _ [384]byte = [unsafe.Sizeof(header{})]byte{}

// The flags of tail and of the state of a cell.
const (
	closed   = 1 << 63 // in tail
	sleep    = 1 << 63 // in a state: the consumer sleeps until this cell is published
	disowned = 1 << 62 // in a state: Close came first, and what is published here is dropped
)

// cells are a ring outside Go's memory, which C threads and goroutines send to
// without a lock. docs/protocol.md has the layout, and why nothing is lost.
type cells[T any] struct {
	*header
	first  unsafe.Pointer // of the cells
	stride uintptr
	mask   uint64
	bell   *doorbell.Bell

	// The rest belongs to the consumer, which holds the lock of the Queue.
	next    uint64 // the position to take from
	end     uint64 // no value is taken from here on; set by close
	missing uint64 // positions from next to end that close has disowned
	vacated bool   // the memory has gone back to the system
}

// newCells returns cells that hold what is in r. They have no bell yet.
func newCells[T any](places uint64, r *ring[T], held int) (*cells[T], error) {
	var v T
	size := unsafe.Sizeof(v)
	memory, err := rawefd.NewPages(uintptr(memory(places, size)))
	if err != nil {
		return nil, err
	}
	c := &cells[T]{
		header: (*header)(memory), first: unsafe.Add(memory, cellsOffset),
		stride: stride(size), mask: places - 1,
		next: places, end: ^uint64(0),
	}
	for i := range places { // which also takes each page from the system, before a real-time thread has to
		c.state(i).Store(i + 1)
	}
	tail := places
	for ; r.ready(); tail++ {
		*c.value(tail) = *r.front()
		r.drop()
		c.state(tail).Store(tail + 1)
	}
	c.tail.Store(tail)
	c.free(held)
	return c, nil
}

func (c *cells[T]) value(p uint64) *T {
	return (*T)(unsafe.Add(c.first, uintptr(p&c.mask)*c.stride))
}

func (c *cells[T]) state(p uint64) *atomic.Uint64 {
	return (*atomic.Uint64)(unsafe.Add(c.first, uintptr(p&c.mask)*c.stride+c.stride-8))
}

// description is what C has to know.
func (c *cells[T]) description() doorbell.Queue {
	var v T
	return doorbell.Queue{
		Header: unsafe.Pointer(c.header), Size: uint32(unsafe.Sizeof(v)), Stride: uint32(c.stride),
		Mask: uint32(c.mask), Cells: uint32(cellsOffset),
	}
}

// region is what of the cells goes back to the system.
type region struct {
	pages unsafe.Pointer
	bytes uintptr
}

func (c *cells[T]) region() region { return region{c.first, uintptr(c.mask+1) * c.stride} }

// vacate gives the cells back, of which none is read any more. If that fails they stay.
func (r region) vacate() { rawefd.Vacate(r.pages, r.bytes) }
