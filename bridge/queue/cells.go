package queue

import (
	"os"
	"sync/atomic"
	"unsafe"

	"github.com/eventchan/eventchan/internal/doorbell"
	"github.com/eventchan/eventchan/internal/rawefd"
)

// A header is struct eventchan_queue of eventchan.h: the variables that senders share.
//
// Each value has a position. Positions count the values in the order in which they are
// claimed, from the number of cells on, so that the state of a cell is never 0. Memory that
// was released to the system reads as 0, so a commit after that finds a state that it does
// not expect, and fails.
type header struct {
	tail    atomic.Uint64 // the next position to claim, and closed
	_       [120]byte     // the rest of two cache lines, because processors prefetch pairs
	head    atomic.Uint64 // positions less than head plus the number of cells are free to claim
	_       [120]byte
	refused atomic.Uint64
	_       [120]byte
}

// struct eventchan_queue has the same size.
var _ [384]byte = [unsafe.Sizeof(header{})]byte{}

// The flags of tail and of the state of a cell.
const (
	closed   = 1 << 63 // in tail
	sleep    = 1 << 63 // in a state: the consumer sleeps until this cell is published
	disowned = 1 << 62 // in a state: Close came first, and this cell is never received
)

// cells is a ring outside Go's heap, to which C threads and goroutines send without a lock.
// A sender claims the position at tail, writes the value into its cell, and publishes the
// cell by changing its state to the position plus 1. docs/protocol.md describes the layout
// and explains why no value is lost.
type cells[T any] struct {
	*header
	first  unsafe.Pointer // the first cell
	stride uintptr        // the distance between cells
	mask   uint64         // the number of cells minus 1
	bell   *doorbell.Bell

	// The rest belongs to the consumer, which holds the lock of the Queue.
	next    uint64 // the position to take from
	end     uint64 // the position at which values end; set by close
	missing uint64 // the number of positions from next to end that close has disowned
	vacated bool   // the memory of the cells has been released
}

// newCells returns empty cells, which have no bell yet. It takes long if they are large.
func newCells[T any](places uint64) (*cells[T], error) {
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
	// Touching each page spares real-time threads the page fault.
	for at := uintptr(0); at < c.region().bytes; at += uintptr(os.Getpagesize()) {
		*(*byte)(unsafe.Add(c.first, at)) = 0
	}
	for i := range places {
		c.state(i).Store(i + 1)
	}
	return c, nil
}

// fill moves the values of r to empty cells. See free for held.
func (c *cells[T]) fill(r *ring[T], held int) {
	tail := c.next
	for ; r.ready(); tail++ {
		*c.value(tail) = *r.front()
		r.drop()
		c.state(tail).Store(tail + 1)
	}
	c.tail.Store(tail)
	c.free(held)
}

// discard gives back all memory of cells whose address nothing knows.
func (c *cells[T]) discard() {
	rawefd.FreePages(unsafe.Pointer(c.header), cellsOffset+c.region().bytes)
}

// value returns the value in the cell of a position, and state the state of that cell.
func (c *cells[T]) value(p uint64) *T {
	return (*T)(unsafe.Add(c.first, uintptr(p&c.mask)*c.stride))
}

func (c *cells[T]) state(p uint64) *atomic.Uint64 {
	return (*atomic.Uint64)(unsafe.Add(c.first, uintptr(p&c.mask)*c.stride+c.stride-8))
}

// description returns what C code has to know about the cells.
func (c *cells[T]) description() doorbell.Queue {
	var v T
	return doorbell.Queue{
		Header: unsafe.Pointer(c.header), Size: uint32(unsafe.Sizeof(v)), Stride: uint32(c.stride),
		Mask: uint32(c.mask), Cells: uint32(cellsOffset),
	}
}

// A region is the memory of cells without the header, which can be released.
type region struct {
	pages unsafe.Pointer
	bytes uintptr
}

func (c *cells[T]) region() region { return region{c.first, uintptr(c.mask+1) * c.stride} }

// vacate releases the memory of the cells to the system. Their addresses stay valid. The
// consumer must not read the cells any more. If vacate fails, the memory stays in use.
func (r region) vacate() { rawefd.Discard(r.pages, r.bytes) }
