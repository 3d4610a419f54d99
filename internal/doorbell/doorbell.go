// Package doorbell wakes the consumers of handles, which C threads signal through.
//
// All handles of the process share one doorbell. A signaler that finds a consumer
// asleep pushes its Slot on a stack, and writes to a descriptor unless another
// signaler has done so. Go's runtime polls that descriptor, as it polls all
// others of the program, and makes one goroutine runnable, which takes the whole
// stack and has each consumer on it look. So a handle needs no descriptor, and a
// thousand signals to a thousand handles are about one write(2).
//
// docs/protocol.md says why no wake-up is lost.
package doorbell

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eventchan/eventchan/internal/rawefd"
)

// A Consumer wants to know that its Slot was signaled.
type Consumer interface {
	// Look takes what is there for those that wait, and leaves in the word how the
	// next signal finds the consumer. It must not block. Now and then it is called
	// though nothing was added.
	Look()
}

// A Bell is a Slot and its Consumer, from New to Close.
type Bell struct {
	Patience // of goroutines of the Consumer that are about to sleep
	took     atomic.Uint32
	idle     uint8 // looks that have found nothing, for the goroutine of the doorbell
	slot     *Slot
	consumer Consumer
}

// Took is called by the Consumer with how much it takes, from Look or elsewhere.
func (b *Bell) Took(n uint64) {
	if n > 0 {
		b.took.Add(uint32(min(n, several)))
	}
}

// look has the Consumer look, and returns how much was taken by then, but not more
// than is worth knowing.
func (b *Bell) look() (took uint64) {
	b.took.Store(0)
	b.consumer.Look()
	return uint64(b.took.Load())
}

// New returns a Bell whose Consumer is called from now on. The first of a process
// opens the doorbell, which stays open. An error leaves nothing behind.
func New(c Consumer) (*Bell, error) {
	if !rawefd.SharedAtomics {
		return nil, fmt.Errorf("no atomics in common with C on %s: %w", runtime.GOARCH, errors.ErrUnsupported)
	}
	b := &Bell{consumer: c}
	if err := process.add(b); err != nil {
		return nil, err
	}
	return b, nil
}

// Slot returns the Slot, which stays usable after Close.
func (b *Bell) Slot() *Slot { return b.slot }

// Close ends the calls of the Consumer, but for one that is on its way.
func (b *Bell) Close() { process.remove(b) }

// process is the one doorbell.
var process hub

// A hub is the consumers' side of a doorbell.
type hub struct {
	mu      sync.Mutex
	table   table
	stack   *stack // nil before the first Bell
	door    *rawefd.Doorbell
	running bool         // there is a goroutine, which has not seen that live is 0
	live    atomic.Int32 // Bells; written under mu

	// The goroutine alone uses what follows.
	epoch uint64
	ready []uint32
	hot   []*Bell // see hot.go
	Patience
}

func (h *hub) add(b *Bell) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.open(); err != nil {
		return err
	}
	if err := h.table.add(b); err != nil {
		return err
	}
	b.slot.magic, b.slot.stack, b.slot.fd = Magic, h.stack, int32(h.door.Number())
	h.live.Add(1)
	if !h.running {
		h.running = true
		go h.door.Wait(h.awake)
	}
	return nil
}

// open opens the doorbell, unless it is open. The caller holds mu.
func (h *hub) open() error {
	if h.stack != nil {
		return nil
	}
	door, err := rawefd.NewDoorbell()
	if err != nil {
		return err
	}
	page, err := rawefd.NewPage()
	if err != nil {
		door.Close()
		return err
	}
	h.door, h.stack = door, (*stack)(page)
	return nil
}

func (h *hub) remove(b *Bell) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.table.remove(b)
	if h.live.Add(-1) == 0 {
		h.door.WakeLater(idle)
	}
}

// idle is how long the goroutine waits for another Bell before it ends. A program that
// makes one handle after the other does not start a goroutine for each.
const idle = 20 * time.Millisecond

// awake is what the goroutine does each time that it is woken, and once before it
// waits for the first time. It returns true if the goroutine is to end.
//
// Each push comes before an exchange of head that takes it. It comes either before
// the last exchange, or after it and makes the compare-and-swap of sleep fail, or
// after sleep. Then it finds no quiet in head and writes, or finds that a write of
// this epoch has been completed: in both cases an edge follows, and another call of
// awake.
func (h *hub) awake() (done bool) {
	for {
		h.Learn(h.serveReady() + h.serveHot())
		if h.Again(h.more) {
			continue
		}
		h.letGo()
		if h.sleep() {
			return h.live.Load() == 0 && h.end()
		}
		runtime.Gosched() // those that were just woken run first
	}
}

// serveReady has the Consumers of all Slots on the stack look, and returns how many
// signals there were.
func (h *hub) serveReady() (signals uint64) {
	all := h.collect()
	for _, i := range h.ready {
		slot := all.slot(i)
		slot.Word.Answer() // from here on it can be pushed again
		if b := all.bell(i); b != nil {
			took := b.look()
			signals += max(1, took)
			h.consider(b, took)
		}
	}
	return signals
}

// collect takes the whole stack and makes ready the indexes on it, in the order in
// which they were pushed. All next are read before any Slot can be pushed again.
func (h *hub) collect() view {
	h.ready = h.ready[:0]
	h.epoch = (h.epoch + oneEpoch) & epochs
	top := h.stack.Swap(quiet | h.epoch)
	h.mu.Lock()
	all := view(h.table.blocks) // that of a Slot on the stack among them
	h.mu.Unlock()
	for i := uint32(top & indexes); i != 0; i = uint32(all.slot(i).next & indexes) {
		h.ready = append(h.ready, i)
	}
	slices.Reverse(h.ready)
	return all
}

// more reports whether there is something to serve.
func (h *hub) more() bool {
	return h.stack.Load()&indexes != 0 || slices.ContainsFunc(h.hot, (*Bell).signaled)
}

// sleep has the next push write, unless there was one since the last exchange. Then
// it returns false.
func (h *hub) sleep() bool {
	return h.stack.CompareAndSwap(quiet|h.epoch, h.epoch)
}

// end ends the goroutine, unless there is a Bell again. Pushes of late threads stay
// on the stack for the next goroutine, which looks before it waits.
func (h *hub) end() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.running = h.live.Load() > 0
	return !h.running
}
