package poller

import "github.com/eventchan/eventchan/internal/rawefd"

// Some files give EPOLLPRI to one poll only: the first after something happened
// (see rawefd.Pulses). In an epoll instance that is watched by others this is
// never the poll that counts. Go's runtime asks the poller's instance whether it
// is ready, that asks the set's, that asks the file, which says yes to the
// runtime and, a moment later, no to us. So we go by the wake-up instead. These
// files wake whoever polls them for this one reason, and they are readable at any
// time: asked for that as well, they pass on each wake-up as an edge, and an
// edge means Priority.

// edgeBits returns what the edge registration of the item asks for.
func (it *item) edgeBits() uint32 {
	if it.pulses {
		return it.bits | rawefd.EventIn | rawefd.EventEdge
	}
	return it.bits | rawefd.EventEdge
}

// begin is called before the bits of an item are registered. It finds out whether the
// file pulses, and returns the pulse that registering them takes.
func (it *item) begin() (pending uint32, err error) {
	it.pulses = false
	if it.bits&rawefd.EventPri == 0 {
		return 0, nil
	}
	if it.pulses, err = rawefd.Pulses(it.num); err != nil || !it.pulses {
		return 0, err
	}
	bits, err := rawefd.Poll(it.num, it.bits)
	return bits & it.bits, err
}

// settle is called after the bits were registered, and hands out what is there. The
// edge that registering makes is not a pulse, and is dropped if drop is set.
func (it *item) settle(pending uint32, drop bool) error {
	it.dropping = drop && it.pulses
	err := it.set.drainEdges()
	it.dropping = false
	if err == nil {
		it.hand(pending)
	}
	return err
}

// pulse hands out what an edge means.
func (it *item) pulse(bits uint32) {
	if it.dropping {
		return
	}
	if it.bits&rawefd.EventIn == 0 {
		bits &^= rawefd.EventIn // which only edgeBits has asked for
	}
	it.hand(bits | rawefd.EventPri)
}

// hand gives events to C and to the Waits of each watch: to those that sleep, or
// else, since no later look would find a pulse, to the next.
func (it *item) hand(bits uint32) {
	if bits == 0 {
		return
	}
	for _, w := range it.watches {
		w.target.Edge(bits)
		if !w.target.Level(bits) {
			w.pulse |= bits & rawefd.EventPri
		}
	}
}
