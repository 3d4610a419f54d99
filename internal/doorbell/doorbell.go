// Package doorbell wakes the consumers of handles, through which C threads signal.
//
// All handles of the process share one doorbell. A signaler that finds a consumer
// asleep pushes its Slot onto a stack, and writes to a descriptor unless another
// signaler has done so. Go's runtime polls that descriptor like the program's
// others, and makes one goroutine runnable. That goroutine takes the whole
// stack and calls each consumer on it. Therefore a handle needs no descriptor, and a
// thousand signals to a thousand handles take about one write(2).
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

// A Consumer is called when its Slot was signaled.
type Consumer interface {
	// Look takes what its waiters can have, and leaves flags in the state word that say
	// whether the next signal must ring. It must not block. It is sometimes called
	// even though nothing was added.
	Look()
}

// A Bell is a Slot and its Consumer, from New to Close.
type Bell struct {
	Patience // for goroutines of the Consumer that are about to sleep
	took     atomic.Uint32
	idle     uint8                       // looks in a row that have found nothing; see hot.go
	needed   bool                        // from Await to Rest
	leader   atomic.Pointer[lead.Leader] // the last Leader that asked for the post
	slot     *Slot
	consumer Consumer
}

// Took is called by the Consumer, in Look or elsewhere, with how much it has taken.
func (b *Bell) Took(n uint64) {
	if n > 0 {
		b.took.Add(uint32(min(n, several)))
	}
}

// look calls the Consumer's Look and returns how much was taken by then. The result is exact only
// up to several.
func (b *Bell) look() (took uint64) {
	b.took.Store(0)
	b.consumer.Look()
	return uint64(b.took.Load())
}

// New returns a Bell whose Consumer is called from Await on. The first New of a process
// opens the doorbell, which stays open. If New returns an error, it leaves nothing behind.
func New(c Consumer) (*Bell, error) {
	if !rawefd.SharedAtomics {
		return nil, fmt.Errorf("atomic operations shared with C on %s: %w", runtime.GOARCH, errors.ErrUnsupported)
	}
	b := &Bell{consumer: c}
	if err := process.add(b); err != nil {
		return nil, err
	}
	return b, nil
}

// Await makes the doorbell call the Consumer from now on. The Consumer calls only one of Await,
// Prepare, Lead, Rest and Close at a time.
func (b *Bell) Await() {
	b.Prepare()
	process.post.Ensure()
}

// Prepare is Await without a goroutine that waits for the doorbell. The Consumer then calls Lead.
func (b *Bell) Prepare() {
	if !b.needed {
		b.needed = true
		process.post.Need(1)
	}
}

// Lead reports whether l, which is about to sleep, leads (see package lead). It leads if it is
// not nil and nothing else sleeps. Otherwise another goroutine will call the Consumer.
func (b *Bell) Lead(l *lead.Leader) bool {
	if l != nil {
		b.leader.Store(l)
		return l.Take(process.post)
	}
	process.post.Ensure()
	return false
}

// Rest is called when no goroutine sleeps for the Consumer any more. The Consumer can still be
// called.
func (b *Bell) Rest() {
	if b.needed {
		b.needed = false
		process.post.Need(-1)
	}
}

// Needed reports whether the Consumer has said that something sleeps for it.
func (b *Bell) Needed() bool { return b.needed }

// Slot returns the Slot, which stays usable after Close.
func (b *Bell) Slot() *Slot { return b.slot }

// Close ends the calls of the Consumer, except for one that has already begun.
func (b *Bell) Close() {
	b.Rest()
	process.remove(b)
}

// process is the doorbell of the process.
var process hub

// A hub is the consumers' side of a doorbell.
type hub struct {
	mu    sync.Mutex
	table table
	stack *stack // nil before the first Bell
	door  *rawefd.Doorbell
	live  int // how many Bells are open
	post  *lead.Post

	// Only the goroutine at the post uses the fields below.
	epoch uint64
	ready []uint32 // the indexes of the taken stack that are not served yet
	all   view     // the table when the stack was taken
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
	page, err := rawefd.NewPage()
	if err != nil {
		return err
	}
	door, err := rawefd.NewDoorbell()
	if err != nil {
		rawefd.FreePages(page, rawefd.PageSize)
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
		h.vacate()
	}
}

// vacate makes the keeper leave the post, where nothing sleeps any more because the last Bell has
// been closed. The caller holds mu, so no Bell can be opened.
//
// InterruptLater replaces an Interrupt that its goroutine has not seen yet, and the runtime then
// lets that goroutine sleep until the delay ends. That must not happen to a leader, which a Nudge
// has interrupted because it is served. But while the keeper is at the post no leader is, and if
// the keeper leaves, none comes: a leader takes the post only for an open Bell.
//
// A keeper that Kept does not report yet ends as well. Another goroutine is starting it, having
// resigned from the post and seen a need before the last Rest. That goroutine has already called
// Resume, and the keeper is not running yet, so the Interrupt ends the keeper's first Read. If a
// Resume undoes the Interrupt instead, its caller checks for a need after that.
func (h *hub) vacate() {
	if h.post.Kept() {
		h.door.InterruptLater(idle)
	} else {
		h.door.Interrupt()
	}
}

// idle is how long the keeper waits for another Bell before it ends, so that a program that
// makes one handle after another does not start a goroutine for each. Only tests change it.
var idle = 20 * time.Millisecond

// awake is the Look of the post: the goroutine there calls it each time that it is woken, and once
// before it waits for the first time. awake returns false if its caller is a leader that has
// left something to the keeper.
//
// No push is overlooked. A push that comes before the last exchange of head is taken by it. A
// push that comes between that exchange and sleep makes the compare-and-swap of sleep fail. A
// push that comes after sleep finds head without quiet and writes, or finds that a write of
// this epoch has been completed. In both cases an edge follows, and another call of
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
		runtime.Gosched() // lets the waiters that were just woken run first
	}
}

// serveReady calls the Consumers of all Slots on the stack, and returns how many
// signals there were. If the caller is a leader, it stops at a Bell that is not its own and
// returns false. The next call serves what is left in ready.
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
		slot.Word.Answer() // from here on the Slot can be pushed again
		if b != nil {
			took := b.look()
			signals += max(1, took)
			if by == nil { // a leader goes, and the next leader must not find a hot Bell that is not its own
				h.consider(b, took)
			}
		}
	}
	h.ready = h.ready[:0]
	return signals, true
}

// collect takes the whole stack and stores its indexes in ready, in the order in
// which they were pushed. It reads the next of each Slot before any can be pushed again.
func (h *hub) collect() {
	h.ready = h.ready[:0]
	h.epoch = (h.epoch + oneEpoch) & epochs
	top := h.stack.Swap(quiet | h.epoch)
	h.mu.Lock()
	h.all = view(h.table.blocks) // has the blocks of all Slots on the stack
	h.mu.Unlock()
	for i := uint32(top & indexes); i != 0; i = uint32(h.all.slot(i).next & indexes) {
		h.ready = append(h.ready, i)
	}
	slices.Reverse(h.ready)
}

// more reports whether a Slot is on the stack or a hot Slot is signaled.
func (h *hub) more() bool {
	return h.stack.Load()&indexes != 0 || slices.ContainsFunc(h.hot, (*Bell).signaled)
}

// sleep makes the next push write and returns true. If there was a push since the last exchange,
// it returns false.
func (h *hub) sleep() bool {
	return h.stack.CompareAndSwap(quiet|h.epoch, h.epoch)
}
