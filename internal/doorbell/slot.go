package doorbell

import (
	"sync/atomic"
	"unsafe"

	"github.com/eventchan/eventchan/internal/word"
)

// Magic is in every Slot, so that a C thread recognizes a pointer that is not a
// handle. It is "evchan", the version of the layout, and the kind: a count or a queue.
const (
	Magic      = 0x65766368616e_01_01
	queueMagic = Magic + 1
)

// A Slot is struct eventchan of bridge/callback/eventchan.h, byte for byte; its
// address is the handle. It is outside Go's memory and is neither freed nor used
// for another object, so that a C thread that signals after Close still finds the Closed flag.
// The comment on table says what that costs, and why the memory is not given back.
// The fields after Word are for signalers; only next ever changes.
type Slot struct {
	Word  word.Word
	magic uint64
	next  uint64 // the value of the stack when the Slot was pushed
	index uint32 // identifies the Slot on the stack; from 1, never used again
	fd    int32  // to which a write(2) rings
	stack *stack
	_     [8 - unsafe.Sizeof(uintptr(0))]byte
	queue Queue
}

// A Queue says where the senders of a queue find its cells.
type Queue struct {
	Header unsafe.Pointer // outside Go's memory
	_      [8 - unsafe.Sizeof(uintptr(0))]byte
	Size   uint32 // of a value
	Stride uint32 // from cell to cell
	Mask   uint32 // the number of cells, a power of two, minus 1
	Cells  uint32 // the offset of the first cell from Header
}

// BecomeQueue makes the Slot the handle of a queue. C must not know its address yet.
func (s *Slot) BecomeQueue(q Queue) { s.magic, s.queue = queueMagic, q }

// Address returns the handle.
func (s *Slot) Address() unsafe.Pointer { return unsafe.Pointer(s) }

// A stack holds the Slots whose consumers are to be called. Signalers push them without a
// lock. Its top, an epoch and the flag quiet are one word outside Go's memory.
type stack struct{ atomic.Uint64 }

const (
	// quiet means that a push need not write: the goroutine is awake, or a write of
	// this epoch has been completed.
	quiet = 1 << 63
	// The epoch counts how often the goroutine has taken the stack.
	oneEpoch = 1 << 32
	epochs   = quiet - oneEpoch
	// The top is an index, or 0 if the stack is empty.
	indexes = oneEpoch - 1
)

// The size is that of the header's struct, a cache line.
var _ [64]byte = [unsafe.Sizeof(Slot{})]byte{}
