package poller

import (
	"os"
	"sync"

	"github.com/eventchan/eventchan/internal/rawefd"
)

// borrowed guards everything about borrowed descriptors. It is taken before mu
// and before a Target's own lock.
var (
	borrowed sync.Mutex
	sets     []*set
	batch    rawefd.Batch
)

// A Target is called when something happens to a borrowed descriptor. It is called under
// a lock: it must neither block nor call a Watch.
type Target interface {
	Changed(bits uint32) // from now on bits are asked for
	Edge(bits uint32)    // something changed, and bits are there now
	// Level says that bits, which were asked for with Look, are there now. It
	// reports whether a goroutine still waited for them.
	Level(bits uint32) bool
}

// A Watch is one watcher's interest in a borrowed descriptor. Watches of one
// descriptor for the same events share an item.
type Watch struct {
	target Target
	item   *item  // nil after Close
	at     int    // its index in item.watches
	pulse  uint32 // what came and no Look has seen; see pulse.go
}

// NewWatch watches a borrowed descriptor. What is ready now is an Edge before
// NewWatch returns.
func NewWatch(num int, bits uint32, target Target) (*Watch, error) {
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
		var err error
		if free, err = newSet(); err != nil {
			return err
		}
	}
	return w.first(free, num, bits)
}

// first makes the item that w watches. The kernel reports what is ready now.
func (w *Watch) first(s *set, num int, bits uint32) error {
	defer s.closeIfUnused()
	it := &item{set: s, num: num, bits: bits}
	pending, err := it.begin()
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

// enter adds w to the watches of an item, and leave takes it out. Both take the same
// time however many watches there are.
func (w *Watch) enter(it *item) {
	w.item, w.at = it, len(it.watches)
	it.watches = append(it.watches, w)
}

func (w *Watch) leave() {
	it := w.item
	last := len(it.watches) - 1
	delete(it.asking, w)
	moved := it.watches[last]
	it.watches[w.at], moved.at = moved, w.at
	it.watches[last] = nil
	it.watches = it.watches[:last]
	w.item = nil
}

// join shares an item, unless its number means another file by now. The others
// that share it have had their edges already.
func (w *Watch) join(it *item) bool {
	ready, err := it.look()
	if err != nil {
		return false
	}
	w.enter(it)
	if ready != 0 {
		w.target.Edge(ready)
	}
	return true
}

// ask has Level called with what the next look or event finds.
func (w *Watch) ask() {
	if w.item.asking == nil {
		w.item.asking = make(map[*Watch]struct{})
	}
	w.item.asking[w] = struct{}{}
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
		return 0, err // and a pulse stays for the next Look
	}
	if w.pulse != 0 { // which look has not given to those that wait
		ready |= w.pulse
		w.pulse = 0
		w.target.Level(ready)
	}
	return ready, nil
}

// Rearm makes an Edge of the events that are there now, if any.
func (w *Watch) Rearm() error {
	borrowed.Lock()
	defer borrowed.Unlock()
	if w.item == nil {
		return os.ErrClosed
	}
	return w.rearm()
}

func (w *Watch) rearm() error {
	ready, err := w.item.look()
	if ready != 0 {
		w.target.Edge(ready)
	}
	return err
}

// Close ends the watch; target hears nothing after it.
func (w *Watch) Close() {
	borrowed.Lock()
	defer borrowed.Unlock()
	if w.item != nil {
		w.quit()
	}
}

// quit ends the watch, and its item if nothing else watches that.
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
