package poller

import "github.com/eventchan/eventchan/internal/rawefd"

// Some files report EPOLLPRI to only one poll: the first after something happened
// (see rawefd.Pulses). In a nested epoll instance this is never the poll that counts.
// Go's runtime polls the set's instance, which polls the file. The file answers yes to the
// runtime and, a moment later, no to this package. Therefore the wake-up counts instead,
// which is called a pulse. These files wake their pollers for this one reason only, and they
// are always readable. If EPOLLIN is asked for as well, epoll reports each wake-up as an
// edge, and an edge means EPOLLPRI.

// edgeBits returns the bits that the edge registration of the item asks for.
func (it *item) edgeBits() uint32 {
	if it.pulses {
		return it.bits | rawefd.EventIn | rawefd.EventEdge
	}
	return it.bits | rawefd.EventEdge
}

// begin is called before the bits of an item are registered. It finds out whether the
// file pulses, and returns the bits that are pending now: registering takes a pending
// EPOLLPRI from the file. If it adds registrations, and the kernel has no room for them, it
// fails before that EPOLLPRI is taken. It can block in fstatfs(2) if a network file system does not
// answer. Asking before borrowed is locked could ask another file than the one that is registered.
func (it *item) begin(adds bool) (pending uint32, err error) {
	it.pulses = false
	if it.bits&rawefd.EventPri == 0 {
		return 0, nil
	}
	if it.pulses, err = rawefd.Pulses(it.num); err != nil || !it.pulses {
		return 0, err
	}
	if adds {
		if err := Room(it.set.edges.Instance, it.set.levels.Instance); err != nil {
			return 0, err
		}
	}
	bits, err := rawefd.Poll(it.num, it.bits)
	return bits & it.bits, err
}

// settle is called after the bits were registered. It hands out the events that are there now
// and pending, which begin has returned. The edge that registering causes is not a pulse; it
// is dropped if drop is set.
func (it *item) settle(pending uint32, drop bool) error {
	it.dropping = drop && it.pulses
	err := it.set.drainEdges()
	it.dropping = false
	if err == nil {
		it.hand(pending)
	}
	return err
}

// pulse handles an edge of a file that pulses.
func (it *item) pulse(bits uint32) {
	if it.dropping {
		return
	}
	if it.bits&rawefd.EventIn == 0 {
		bits &^= rawefd.EventIn // only edgeBits has asked for it
	}
	it.hand(bits | rawefd.EventPri)
}

// hand reports events to each watch, as an Edge and as a Level. A pulse for which no goroutine
// is waiting is kept for the watch's next Look, because polling the file would not find it.
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
