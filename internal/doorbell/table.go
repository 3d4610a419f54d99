package doorbell

import (
	"sync/atomic"
	"unsafe"

	"github.com/eventchan/eventchan/internal/rawefd"
)

const perBlock = rawefd.PageSize / unsafe.Sizeof(Slot{})

// A table finds what an index names. It only grows, by a page of Slots at a time;
// what it holds beside them goes when all handles of a page are closed.
type table struct {
	blocks []*block
	used   uint32 // indexes; 0, which names nothing, is the first
}

type block struct {
	slots *[perBlock]Slot
	bells atomic.Pointer[[perBlock]atomic.Pointer[Bell]]
	live  int // bells
}

// add gives b a Slot that was never used.
func (t *table) add(b *Bell) error {
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
