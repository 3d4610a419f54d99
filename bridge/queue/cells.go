package queue

import (
	"sync/atomic"
	"unsafe"

	"github.com/eventchan/eventchan/internal/doorbell"
	"github.com/eventchan/eventchan/internal/race"
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

// send is eventchan_send of bridge/callback/eventchan.h, but for two things: it does
// not count what it refuses, and does not ring if it finds the consumer asleep.
func (c *cells[T]) send(v *T) outcome {
	p := c.tail.Load()
	for {
		if p&closed != 0 {
			return late
		}
		if p-c.head.Load() > c.mask {
			now := c.tail.Load()
			if now == p {
				return full
			}
			p = now
			continue
		}
		if c.tail.CompareAndSwap(p, p+1) {
			*c.value(p) = *v
			race.Release()
			return c.publish(p)
		}
		p = c.tail.Load()
	}
}

// An outcome is what became of a value.
type outcome int

const (
	sent    outcome = iota
	awaited         // sent, and the sender has to serve whoever sleeps
	full
	late
)

func (c *cells[T]) publish(p uint64) outcome {
	last := p - c.mask
	for state := c.state(p); ; {
		switch old := state.Load(); {
		case old&^sleep != last:
			return late // disowned
		case !state.CompareAndSwap(old, p+1):
		case old != last:
			return awaited
		default:
			return sent
		}
	}
}

// published reports whether there is a value at position p, which is next or was. It
// can be called without the lock.
func (c *cells[T]) published(p uint64) bool { return c.state(p).Load() == p+1 }

// ready reports whether there is a value to take. After close it skips positions
// without one.
func (c *cells[T]) ready() bool {
	for c.next < c.end {
		if state := c.state(c.next).Load(); state == c.next+1 {
			return true
		} else if state&disowned == 0 {
			return false
		}
		c.next++
		c.missing--
	}
	return false
}

// front returns the value to take, after ready.
func (c *cells[T]) front() *T { return c.value(c.next) }

// take moves values to dst, and returns how many. See free for held.
func (c *cells[T]) take(dst []T, held int) (n int) {
	for n < len(dst) && c.ready() {
		dst[n] = *c.front()
		c.drop()
		if n++; n%often == 0 {
			c.free(held)
		}
	}
	if n > 0 {
		c.free(held)
		c.bell.Learn(uint64(n))
	}
	return n
}

// often is after how many values the senders hear of free places.
const often = 64

// drop goes on to the next value.
func (c *cells[T]) drop() {
	race.Acquire()
	c.next++
}

// free lets senders have all places but those of held values that were taken.
func (c *cells[T]) free(held int) { c.head.Store(c.next - uint64(held)) }

// park has the next publication wake the consumer, unless there is a value already:
// then it returns false.
func (c *cells[T]) park() bool {
	for state := c.state(c.next); ; {
		old := state.Load()
		if old == c.next+1 {
			return false
		}
		if old&sleep != 0 || state.CompareAndSwap(old, old|sleep) {
			return true
		}
	}
}

// close refuses all that is not published yet. What was, can still be taken.
//
// A sender that has claimed its position publishes it or finds it disowned, by one
// operation on the state of the cell; so does close. Each value is therefore either
// taken, and its sender returns 0, or refused.
func (c *cells[T]) close() {
	c.end = c.tail.Or(closed)
	for p := c.next; p < c.end; p++ {
		state := c.state(p)
		for old := state.Load(); old != p+1; old = state.Load() {
			if state.CompareAndSwap(old, old|disowned) {
				c.missing++
				break
			}
		}
	}
}

// used returns how many places are taken, of values that are being written too.
func (c *cells[T]) used() uint64 { return min(c.tail.Load()&^closed, c.end) - c.next - c.missing }

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
