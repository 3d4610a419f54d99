package poller

import "github.com/eventchan/eventchan/internal/rawefd"

// sweepShare limits what sweeps cost: for each item that has died since the last one, a sweep looks
// at sweepShare items at most.
//
// If a descriptor is closed before its watch, the item dies, although the kernel has usually ended
// the registrations with the file. If its number stayed out of the set until that is closed, a
// program that always closes in this order would need ever more sets: each lasting watch could keep
// one open in which most numbers are dead.
//
// The kernel lists the registrations of an epoll instance in /proc, which takes time for each one.
// The lists are therefore read only when a number is in all sets, and when enough items have died
// since the last time. Otherwise the number goes into a new set. That does not happen often. A
// number that is in all sets either has died in each of them since the last sweep, or has a watch
// or a duplicate in some. In the first case, at least as many items have died as there are sets, so
// there is at most one set for each sweepShare items.
//
// It would not limit the number of sets to sweep whenever that number has doubled: after a sweep, a
// number that dies once in each set needs a new one.
const sweepShare = 16

// deaths counts the items that have died since the last sweep.
var deaths int

// sweep forgets dead items whose registrations have ended, if it is time for that, and returns a
// set that does not have the number any more, or nil.
func sweep(num int) (free *set) {
	items := 0
	for _, s := range sets {
		items += len(s.items)
	}
	if deaths*sweepShare < items {
		return nil
	}
	deaths = 0
	rawefd.Elsewhere(func() { // the caller's thread can have descriptors of its own
		for _, s := range sets {
			s.forgetEnded()
		}
	})
	for _, s := range sets {
		if s.items[num] == nil {
			return s
		}
	}
	return nil
}

// forgetEnded forgets the dead items of a set whose numbers are in neither list. A dead item whose
// number is listed stays dead: nothing else is registered under its number, so the registration
// is its own, and a duplicate keeps its file open.
//
// An empty list proves nothing. It is what a system gives that does not list registrations;
// otherwise those of the set's other watches are in it, unless their descriptors are closed too.
func (s *set) forgetEnded() {
	if s.live == len(s.items) {
		return
	}
	edges, edgesErr := s.edges.Numbers()
	levels, levelsErr := s.levels.Numbers()
	if edgesErr != nil || levelsErr != nil || len(edges) == 0 || len(levels) == 0 {
		return
	}
	for num, it := range s.items {
		if len(it.watches) == 0 && !edges[num] && !levels[num] {
			delete(s.items, num)
		}
	}
}
