package poller

import (
	"os"
	"slices"

	"github.com/eventchan/eventchan/internal/rawefd"
)

// Change makes w report other bits from now on. Bits that are ready now are reported by an
// Edge before Change returns. After an error w works as before.
func (w *Watch) Change(bits uint32) error {
	yieldToEnds()
	borrowed.Lock()
	defer borrowed.Unlock()
	switch it := w.item; {
	case it == nil:
		return os.ErrClosed
	case it.bits == bits:
		return w.rearm()
	case len(it.watches) == 1 && !watched(it.num, bits):
		if err := it.change(bits); err != nil {
			return err
		}
	default:
		if err := w.move(bits); err != nil {
			return err
		}
	}
	if bits&rawefd.EventPri == 0 {
		w.pulse = 0
	}
	return nil
}

// watched reports whether there is an item of the number for bits. A second item for the same
// bits must not be made; otherwise one number could take up any number of sets.
func watched(num int, bits uint32) bool {
	return slices.ContainsFunc(sets, func(s *set) bool {
		it := s.items[num]
		return it != nil && it.watchedFor(bits)
	})
}

// change changes the registrations of an item that has one watch. The kernel refuses
// if the number does not refer to the registered file any more. Once both registrations are
// changed, change succeeds: events that it fails to fetch are fetched later.
func (it *item) change(bits uint32) error {
	if bits&rawefd.EventPri != 0 {
		// Otherwise begin could take a pulse of another file that has got the number. It still can
		// if that happens after this check.
		if _, err := it.look(); err != nil {
			return err
		}
	}
	old := *it
	it.bits = bits
	pending, err := it.begin(false)
	if err == nil {
		err = it.modify()
	}
	// If the registration was made for pulses before, the edge can be a pulse. Reporting an
	// edge too many is better than losing a pulse.
	drop := !old.pulses
	if err != nil {
		it.bits, it.pulses = old.bits, old.pulses
		if it.modify() != nil { // undoes what was changed, if anything was
			pending = 0 // the number has come to refer to another file, and begin can have asked that one
		}
		it.settle(pending&old.bits, drop)
		return err
	}
	it.watches[0].target.Changed(bits)
	it.settle(pending, drop)
	return nil // events of levels that modify has caused go to the goroutine of that instance
}

// modify registers the item's bits in place of others. The level registration is off
// unless some watch is asking.
func (it *item) modify() error {
	if len(it.asking) > 0 {
		if err := it.set.levels.Modify(it.num, it.bits|rawefd.EventOneShot, uint64(it.num)); err != nil {
			return err
		}
	}
	return it.set.edges.Modify(it.num, it.edgeBits(), uint64(it.num))
}

// move takes w from its item to another of the same number. It fails unless the number refers
// to the file of the old item both before and after. The target receives the events of the new item
// after that, because until then they can be those of another file.
//
// Each poll of the file on the way can take a pulse, whose edge then waits at the old item. So
// that w gets it, the old item has a second watch of the same target until the edges that w
// could have missed are handed out. w can therefore hear of one pulse twice.
func (w *Watch) move(bits uint32) error {
	old := w.item
	asking := w.asks != 0
	if _, err := old.look(); err != nil {
		return err
	}
	w.leave()
	stay := &Watch{target: w.target}
	stay.enter(old)
	var first early
	w.target = &first
	err := w.open(old.num, bits)
	w.target = stay.target
	if err == nil {
		_, err = old.look()
		if err == nil && old.pulses {
			err = old.set.drainEdges()
		}
		if err == nil { // last, because its target can hear of the new bits
			if asking {
				w.ask()
			}
			_, err = w.item.look() // also finds a number that referred to another file only while w was opened
		}
		if err != nil {
			w.quit()
		}
	}
	stay.leave()
	w.pulse |= stay.pulse
	if err != nil {
		w.enter(old)
		if asking {
			w.ask()
			old.look() // an error means that the number refers to another file by now
		}
		return err
	}
	old.removeIfUnused()
	w.target.Changed(bits)
	first.handTo(w)
	return nil
}

// early is the Target of a watch that move has not moved yet. It keeps what the watch's own Target
// receives after that.
type early struct{ edges, pulses uint32 }

func (e *early) Changed(uint32)   {}
func (e *early) Edge(bits uint32) { e.edges |= bits }

func (e *early) Level(bits uint32) bool {
	e.pulses |= bits // w has not asked, so this is a call of hand
	return true
}

func (e *early) handTo(w *Watch) {
	if e.edges != 0 {
		w.target.Edge(e.edges)
	}
	if e.pulses != 0 && !w.target.Level(e.pulses) {
		w.pulse |= e.pulses & rawefd.EventPri
	}
}
