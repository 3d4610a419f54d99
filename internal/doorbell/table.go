package doorbell

import (
	"errors"
	"math"
	"sync/atomic"
	"unsafe"

	"github.com/eventchan/eventchan/internal/rawefd"
)

const perBlock = rawefd.PageSize / unsafe.Sizeof(Slot{})

// A table finds the Slot and the Bell of an index. It only grows, by a page of Slots at a time.
// Once all handles of a page are closed, its Bells are freed, and only its Slots and 40 more
// bytes remain.
//
// A closed handle therefore leaves 64.6 bytes behind for as long as the process lives. A
// program that makes and closes 1,000 handles per second grows by 5.6 GB per day, and runs out
// of indexes, at 277 GB, after 50 days. To give the memory back, a closed Slot would
// have to answer "closed" without memory of its own:
//
//   - Pages of zeros, which cost nothing and merge into one mapping, answer "open". A
//     thread that has read magic before, and adds afterwards, would get the answer that its
//     signal was accepted. They would be right in a layout where a zero word means closed and
//     a zero magic is not an error, but that takes one more operation per add.
//   - One page of closed Slots, mapped in place of each, would answer correctly. (A thread
//     that adds before the mapping and subtracts after it changes the shared word for good; a
//     count that begins in the middle of its range absorbs that.) But each page is a mapping of
//     its own. Linux allows 65,530 mappings per process, and once they are used up, Go's heap
//     cannot grow. That happens after 4 million handles.
//   - Larger blocks would need fewer mappings, but one open handle among 32,768 would keep
//     2 MiB, and the Slots of queues differ.
//   - A Slot cannot be reused after some time, because there is no time after which no thread
//     is late.
//
// None of this is worthwhile: a program with so many short-lived sources can keep the handle,
// with its object, for the next source.
type table struct {
	blocks []*block
	used   uint32 // how many indexes are used, with 0, which is never given out
}

type block struct {
	slots *[perBlock]Slot
	bells atomic.Pointer[[perBlock]atomic.Pointer[Bell]]
	live  int // how many Bells are open
}

var errNoIndex = errors.New("all 2^32 - 2 handles of this process are used")

// add gives b a Slot that was never used.
func (t *table) add(b *Bell) error {
	if t.used == math.MaxUint32 {
		return errNoIndex // the next index would be 0, which means none
	}
	at := t.used % uint32(perBlock)
	if at == 0 {
		page, err := rawefd.NewPage()
		if err != nil {
			return err
		}
		fresh := &block{slots: (*[perBlock]Slot)(page)}
		fresh.bells.Store(new([perBlock]atomic.Pointer[Bell]))
		t.blocks = append(t.blocks, fresh)
	}
	if t.used == 0 {
		t.used, at = 1, 1
	}
	last := t.blocks[len(t.blocks)-1]
	b.slot = &last.slots[at]
	b.slot.index = t.used
	last.bells.Load()[at].Store(b)
	last.live++
	t.used++
	return nil
}

// remove removes b. Its Slot stays.
func (t *table) remove(b *Bell) {
	i := b.slot.index
	bl := t.blocks[i/uint32(perBlock)]
	bl.bells.Load()[i%uint32(perBlock)].Store(nil)
	bl.live--
	if full := t.used/uint32(perBlock) > i/uint32(perBlock); full && bl.live == 0 {
		bl.bells.Store(nil)
	}
}

// A view is the table as it was at one moment, for use without the lock.
type view []*block

func (v view) slot(i uint32) *Slot { return &v[i/uint32(perBlock)].slots[i%uint32(perBlock)] }

// bell returns the Bell of an index, or nil if it is closed.
func (v view) bell(i uint32) *Bell {
	bells := v[i/uint32(perBlock)].bells.Load()
	if bells == nil {
		return nil
	}
	return bells[i%uint32(perBlock)].Load()
}
