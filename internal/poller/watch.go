package poller

import (
	"os"
	"sync"

	"github.com/eventchan/eventchan/internal/rawefd"
)

// borrowed guards all state of borrowed descriptors. It is locked before mu
// and before a Target's own lock.
var (
	borrowed sync.Mutex
	sets     []*set
	batch    rawefd.Batch
)

// A Target receives the events of a borrowed descriptor. It is called with borrowed locked, so
// it must neither block nor call a Watch.
type Target interface {
	Changed(bits uint32) // from now on the watch asks for bits
	Edge(bits uint32)    // readiness has changed, and bits are ready now
	// Level is called with bits that are ready now and that a Look has asked for. It
	// reports whether a goroutine was still waiting for them.
	Level(bits uint32) bool
}

// A Watch is one watcher's interest in a borrowed descriptor. Watches of one
// descriptor for the same events share an item.
type Watch struct {
	target Target
	item   *item  // nil after Close
	at     int    // its index in item.watches
	asks   int    // its index in item.asking plus 1, or 0
	pulse  uint32 // EPOLLPRI if there was a pulse that no Look has returned yet; see pulse.go
}

// NewWatch watches a borrowed descriptor. Bits that are ready now are reported by an Edge
// before NewWatch returns.
func NewWatch(num int, bits uint32, target Target) (*Watch, error) {
	yieldToEnds()
	borrowed.Lock()
	defer borrowed.Unlock()
	w := &Watch{target: target}
	if err := w.open(num, bits); err != nil {
		return nil, err
	}
	return w, nil
}

// open enters w into the item of the number for bits, or makes it in the first set that
// does not have the number.
func (w *Watch) open(num int, bits uint32) error {
	var free *set
	for _, s := range sets {
		switch it := s.items[num]; {
		case it == nil && free == nil:
			free = s
		case it != nil && it.watchedFor(bits) && w.join(it):
			return nil
		}
	}
	if free == nil {
		free = sweep(num)
	}
	if free == nil {
		err := rawefd.CheckOpen(num) // otherwise num could become one of the new instances
		if err == nil {
			free, err = newSet()
		}
		if err != nil {
			return err
		}
	}
	return w.first(free, num, bits)
}

// first makes the item that w watches. Registering it makes the kernel report what is ready
// now.
func (w *Watch) first(s *set, num int, bits uint32) error {
	defer s.closeIfUnused()
	it := &item{set: s, num: num, bits: bits}
	pending, err := it.begin(true)
	if err != nil {
		return err
	}
	if err := it.add(); err != nil {
		return err
	}
	w.enter(it)
	if err := it.settle(pending, true); err != nil {
		w.leave()
		it.remove()
		return err
	}
	return nil
}

// enter adds w to the watches of an item, and leave removes it. Both take constant time.
func (w *Watch) enter(it *item) {
	w.item, w.at = it, len(it.watches)
	it.watches = append(it.watches, w)
}

func (w *Watch) leave() {
	it := w.item
	last := len(it.watches) - 1
	w.unask()
	moved := it.watches[last]
	it.watches[w.at], moved.at = moved, w.at
	it.watches[last] = nil
	it.watches = it.watches[:last]
	w.item = nil
}

// join adds w to an item and returns true, unless the item's number refers to another file by
// now. The item's other watches have already had their edges.
func (w *Watch) join(it *item) bool {
	ready, err := it.lookForEdge()
	if err != nil {
		return false
	}
	w.enter(it)
	if ready != 0 {
		w.target.Edge(ready)
	}
	return true
}

// ask makes the item call w's Level with what the next look or event finds.
func (w *Watch) ask() {
	if w.asks == 0 {
		w.item.asking = append(w.item.asking, w)
		w.asks = len(w.item.asking)
	}
}

// unask undoes ask.
func (w *Watch) unask() {
	if w.asks == 0 {
		return
	}
	it := w.item
	last := len(it.asking) - 1
	moved := it.asking[last]
	it.asking[w.asks-1], moved.asks = moved, w.asks
	it.asking[last] = nil
	it.asking = it.asking[:last]
	w.asks = 0
}

// Look returns the events that are there now. If there are none, Level will be
// called with the next ones.
func (w *Watch) Look() (uint32, error) {
	borrowed.Lock()
	defer borrowed.Unlock()
	if w.item == nil {
		return 0, os.ErrClosed
	}
	w.ask()
	ready, err := w.item.look()
	if err != nil {
		return 0, err // a pulse stays for the next Look
	}
	if w.pulse != 0 { // the item's look has not reported it to the waiters
		ready |= w.pulse
		w.pulse = 0
		w.target.Level(ready)
	}
	return ready, nil
}

// Rearm calls Edge with the events that are there now, if any.
func (w *Watch) Rearm() error {
	borrowed.Lock()
	defer borrowed.Unlock()
	if w.item == nil {
		return os.ErrClosed
	}
	return w.rearm()
}

func (w *Watch) rearm() error {
	ready, err := w.item.lookForEdge()
	if ready != 0 {
		w.target.Edge(ready)
	}
	return err
}

// Close ends the watch. The target is not called after it.
func (w *Watch) Close() {
	borrowed.Lock()
	defer borrowed.Unlock()
	if w.item != nil {
		w.quit()
	}
}

// quit ends the watch, and also its item if that has no other watches.
func (w *Watch) quit() {
	it := w.item
	w.leave()
	it.removeIfUnused()
}

func (it *item) removeIfUnused() {
	if len(it.watches) == 0 {
		it.remove()
		it.set.closeIfUnused()
	}
}
