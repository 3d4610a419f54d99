package doorbell

import (
	"sync/atomic"
	"unsafe"

	"github.com/eventchan/eventchan/internal/word"
)

// Magic is in every Slot, so that a C thread recognizes a pointer that is not a
// handle: "evchan", the version of the layout, and the kind, a count or a queue.
const (
	Magic      = 0x65766368616e_01_01
	queueMagic = Magic + 1
)

// A Slot is struct eventchan of bridge/callback/eventchan.h, byte for byte; its
// address is the handle. It lies outside Go's memory and is never freed nor used
// for another object, so a C thread that is late finds in it that it is late. What
// that costs, and why it is not given back, is said at table.
// What comes after Word belongs to signalers; only next ever changes.
type Slot struct {
	Word  word.Word
	magic uint64
	next  uint64 // what the ready stack was when the Slot was pushed
	index uint32 // names the Slot on the stack; from 1, never used again
	fd    int32  // a write(2) to it rings
	stack *stack
	_     [8 - unsafe.Sizeof(uintptr(0))]byte
	queue Queue
}

// A Queue is where the senders of a queue find its cells.
type Queue struct {
	Header unsafe.Pointer // outside Go's memory
	_      [8 - unsafe.Sizeof(uintptr(0))]byte
	Size   uint32 // of a value
	Stride uint32 // from cell to cell
	Mask   uint32 // the number of cells, a power of two, minus 1
	Cells  uint32 // the offset of the first from Header
}

// BecomeQueue makes the Slot, whose address C does not know yet, that of a queue.
func (s *Slot) BecomeQueue(q Queue) { s.magic, s.queue = queueMagic, q }

// Address returns the handle.
func (s *Slot) Address() unsafe.Pointer { return unsafe.Pointer(s) }

// A stack is where signalers push the Slots that are to be looked at, without a
// lock: its top, an epoch and the flag quiet in one word outside Go's memory.
type stack struct{ atomic.Uint64 }

const (
	// quiet means that a push need not write: the goroutine is awake, or a write of
	// this epoch has been completed.
	quiet = 1 << 63
	// The epoch counts how often the goroutine has taken the stack.
	oneEpoch = 1 << 32
	epochs   = quiet - oneEpoch
	// The top is an index, 0 for none.
	indexes = oneEpoch - 1
)

// The header and Go agree on the size, a cache line.
var _ [64]byte = [unsafe.Sizeof(Slot{})]byte{}
