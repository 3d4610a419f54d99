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

// pending takes the pulse that has not been polled yet, before add takes it.
func (it *item) pending() uint32 {
	if !it.pulses {
		return 0
	}
	return rawefd.Poll(it.num, it.bits) & rawefd.EventPri
}

// pulse hands out an edge, to C and to the Waits of each watch: to those that
// sleep, or else to the next.
func (it *item) pulse(bits uint32) {
	bits |= rawefd.EventPri
	if it.bits&rawefd.EventIn == 0 {
		bits &^= rawefd.EventIn // nobody but us asked
	}
	for _, w := range it.watches {
		w.target.Edge(bits)
		if !w.target.Level(bits) {
			w.pulse |= bits
		}
	}
}
