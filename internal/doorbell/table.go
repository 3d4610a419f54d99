package doorbell

import (
	"errors"
	"math"
	"sync/atomic"
	"unsafe"

	"github.com/eventchan/eventchan/internal/rawefd"
)

const perBlock = rawefd.PageSize / unsafe.Sizeof(Slot{})

// A table finds what an index names. It only grows, by a page of Slots at a time;
// what it holds beside them goes when all handles of a page are closed, but for 40
// bytes a page.
//
// So a closed handle leaves 64.6 bytes behind for as long as the process lives. A
// program that makes and closes 1,000 a second grows by 5.6 GB a day, and is out of
// indexes, with 277 GB, after 50 days. To give the memory back, a closed Slot would
// have to answer "closed" without memory of its own:
//
//   - Pages of zeros, which cost nothing and merge into one mapping, answer "open": a
//     thread that has read magic before and adds after that would be told that its
//     signal came in time. In a layout whose zero word means closed, and whose zero
//     magic is no error, they would be right. That is one more operation in each add.
//   - One page of closed Slots, mapped in place of each, would answer right. (A thread
//     that adds before and takes back after that changes the shared word for good; a
//     count that begins in the middle absorbs that.) But each page is a mapping of its
//     own. Linux allows 65,530 of a process, and when there are no more, Go's heap
//     cannot grow. That is after 4 million handles.
//   - Larger blocks would be fewer mappings, but one open handle among 32,768 keeps
//     2 MiB, and the Slots of queues differ.
//   - Using a Slot again after some time: there is no time after which no thread is late.
//
// None is worth it: a program that has so many short-lived sources keeps the handle, and
// with it the object, for the next source.
type table struct {
	blocks []*block
	used   uint32 // indexes; 0, which names nothing, is the first
}

type block struct {
	slots *[perBlock]Slot
	bells atomic.Pointer[[perBlock]atomic.Pointer[Bell]]
	live  int // bells
}

var errNoIndex = errors.New("this process has made all the 2^32 handles that there can be")

// add gives b a Slot that was never used.
func (t *table) add(b *Bell) error {
	if t.used == math.MaxUint32 {
		return errNoIndex // 0 would come next, and name nothing
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

// remove forgets b. Its Slot stays.
func (t *table) remove(b *Bell) {
	i := b.slot.index
	bl := t.blocks[i/uint32(perBlock)]
	bl.bells.Load()[i%uint32(perBlock)].Store(nil)
	bl.live--
	if full := t.used/uint32(perBlock) > i/uint32(perBlock); full && bl.live == 0 {
		bl.bells.Store(nil)
	}
}

// A view is the table as it was at some moment, for use without the lock.
type view []*block

func (v view) slot(i uint32) *Slot { return &v[i/uint32(perBlock)].slots[i%uint32(perBlock)] }

// bell returns nil once it is closed.
func (v view) bell(i uint32) *Bell {
	bells := v[i/uint32(perBlock)].bells.Load()
	if bells == nil {
		return nil
	}
	return bells[i%uint32(perBlock)].Load()
}
