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

// pending polls for what is there now, before add takes the pulse.
func (it *item) pending() (uint32, error) {
	if !it.pulses {
		return 0, nil
	}
	bits, err := rawefd.Poll(it.num, it.bits)
	return bits & it.bits, err
}

// pulse hands out what an edge means.
func (it *item) pulse(bits uint32) {
	if it.bits&rawefd.EventIn == 0 {
		bits &^= rawefd.EventIn // nobody but us asked
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
