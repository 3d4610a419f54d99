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

	"github.com/eventchan/eventchan/internal/lead"
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
	idle     uint8                       // looks that have found nothing, for the goroutine of the doorbell
	needed   bool                        // from Await to Rest
	leader   atomic.Pointer[lead.Leader] // the last that asked for the post
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

// New returns a Bell whose Consumer is called from Await on. The first of a process
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

// Await has the Consumer called from now on, and Rest says that it need not be: nothing
// sleeps for it. The Consumer calls one of these, Lead and Close at a time.
func (b *Bell) Await() {
	b.Prepare()
	process.post.Ensure()
}

// Prepare is Await for a Consumer that then calls Lead.
func (b *Bell) Prepare() {
	if !b.needed {
		b.needed = true
		process.post.Need(1)
	}
}

// Lead reports whether l, which is about to sleep, leads. It does if l is not nil and
// nothing else sleeps. Otherwise the Consumer will be called by another goroutine.
func (b *Bell) Lead(l *lead.Leader) bool {
	if l != nil {
		b.leader.Store(l)
		return l.Take(process.post)
	}
	process.post.Ensure()
	return false
}

func (b *Bell) Rest() {
	if b.needed {
		b.needed = false
		process.post.Need(-1)
	}
}

// Slot returns the Slot, which stays usable after Close.
func (b *Bell) Slot() *Slot { return b.slot }

// Close ends the calls of the Consumer, but for one that is on its way.
func (b *Bell) Close() {
	b.Rest()
	process.remove(b)
}

// process is the one doorbell.
var process hub

// A hub is the consumers' side of a doorbell.
type hub struct {
	mu    sync.Mutex
	table table
	stack *stack // nil before the first Bell
	door  *rawefd.Doorbell
	live  int // Bells
	post  *lead.Post

	// The goroutine at the post alone uses what follows.
	epoch uint64
	ready []uint32 // on the stack when it was taken, and not served yet
	all   view     // the table at that time
	hot   []*Bell  // see hot.go
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
	h.live++
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
	h.door, h.stack, h.post = door, (*stack)(page), lead.NewPost(&door.Polled, h.awake)
	return nil
}

func (h *hub) remove(b *Bell) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.table.remove(b)
	if h.live--; h.live == 0 {
		h.door.InterruptLater(idle)
	}
}

// idle is how long the keeper waits for another Bell before it ends. A program that
// makes one handle after the other does not start a goroutine for each.
const idle = 20 * time.Millisecond

// awake is what the goroutine at the post does each time that it is woken, and once
// before it waits for the first time. It returns false if it is a leader that has left
// something to the keeper.
//
// Each push comes before an exchange of head that takes it. It comes either before
// the last exchange, or after it and makes the compare-and-swap of sleep fail, or
// after sleep. Then it finds no quiet in head and writes, or finds that a write of
// this epoch has been completed: in both cases an edge follows, and another call of
// awake.
func (h *hub) awake(by *lead.Leader) (rested bool) {
	h.door.Empty()
	for {
		signals, rested := h.serveReady(by)
		if !rested {
			return false
		}
		h.Learn(signals + h.serveHot())
		done := by != nil && by.Done()
		if !done && h.Again(h.more) {
			continue
		}
		h.letGo()
		if h.sleep() {
			return true
		}
		if done {
			return false
		}
		runtime.Gosched() // those that were just woken run first
	}
}

// serveReady has the Consumers of all Slots on the stack look, and returns how many
// signals there were. A leader stops at a Bell that is not its own, and returns false.
// What it leaves in ready is served by the next call.
func (h *hub) serveReady(by *lead.Leader) (signals uint64, rested bool) {
	if len(h.ready) == 0 {
		h.collect()
	}
	for i, index := range h.ready {
		slot, b := h.all.slot(index), h.all.bell(index)
		if b != nil && by != nil && b.leader.Load() != by {
			h.ready = h.ready[i:]
			return signals, false
		}
		slot.Word.Answer() // from here on it can be pushed again
		if b != nil {
			took := b.look()
			signals += max(1, took)
			if by == nil { // a leader goes, and the next must not find a Bell of others hot
				h.consider(b, took)
			}
		}
	}
	h.ready = h.ready[:0]
	return signals, true
}

// collect takes the whole stack and makes ready the indexes on it, in the order in
// which they were pushed. All next are read before any Slot can be pushed again.
func (h *hub) collect() {
	h.ready = h.ready[:0]
	h.epoch = (h.epoch + oneEpoch) & epochs
	top := h.stack.Swap(quiet | h.epoch)
	h.mu.Lock()
	h.all = view(h.table.blocks) // that of a Slot on the stack among them
	h.mu.Unlock()
	for i := uint32(top & indexes); i != 0; i = uint32(h.all.slot(i).next & indexes) {
		h.ready = append(h.ready, i)
	}
	slices.Reverse(h.ready)
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
