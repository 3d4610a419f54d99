package poller

import (
	"slices"

	"github.com/eventchan/eventchan/internal/rawefd"
)

// A set is where borrowed descriptors are registered: those that somebody else
// owns, closes when he likes, and whose number the next open may get.
//
// The kernel finds a registration by number and open file together. It ends
// when that file is closed for good, which a duplicate elsewhere may delay; until
// then the number may come to mean another file, and the registration can be
// neither changed nor deleted. So the rule of a set is: a number stands in it
// at most once, until its deletion was seen to succeed. Then nothing that is
// done to a number in a set can reach the registration of another watcher: it
// reaches the file that was registered, or fails. A number whose deletion
// failed keeps its place until the set is closed, and whoever watches its new
// file does so in the next set.
//
// An epoll instance for each watcher would need no such rule, but would cost a
// descriptor each, and the kernel allows one file in a hundred of them at most.
type set struct {
	edges  instance // reports every change once
	levels instance // reports readiness once for every time it is asked
	items  map[int]*item
	live   int // items that somebody watches; a set without them is closed
}

// An item is a borrowed descriptor, watched for certain events.
type item struct {
	set     *set
	num     int
	bits    uint32
	pulses  bool     // see pulse.go
	watches []*Watch // none: dead, but not known to be deleted
	ready   uint32   // what the latest drain of levels found
}

// An instance is an epoll instance that is itself registered with the poller.
type instance struct {
	epoll rawefd.Epoll
	reg   *registration
}

func newInstance(drain func()) (in instance, err error) {
	if in.epoll, err = rawefd.NewEpoll(); err != nil {
		return in, err
	}
	in.reg, err = register(int(in.epoll), rawefd.EventIn|rawefd.EventEdge, func(uint32) {
		borrowed.Lock()
		defer borrowed.Unlock()
		drain()
	})
	if err != nil {
		in.epoll.Close()
	}
	return in, err
}

func (in instance) close() {
	in.reg.remove()
	in.epoll.Close()
}

// newSet adds an empty set to sets.
func newSet() (s *set, err error) {
	s = &set{items: make(map[int]*item)}
	if s.edges, err = newInstance(s.drainEdges); err != nil {
		return nil, err
	}
	if s.levels, err = newInstance(s.drainLevels); err != nil {
		s.edges.close()
		return nil, err
	}
	sets = append(sets, s)
	return s, nil
}

// closeIfUnused closes a set that nobody watches anything in, and with it
// whatever registrations could not be deleted.
func (s *set) closeIfUnused() {
	if s.live > 0 {
		return
	}
	s.edges.close()
	s.levels.close()
	sets = slices.DeleteFunc(sets, func(other *set) bool { return other == s })
}

// add registers an item whose number the set does not have. The level
// registration stays off until somebody asks.
func (it *item) add() error {
	s := it.set
	if err := s.edges.epoll.Add(it.num, it.edgeBits(), uint64(it.num)); err != nil {
		return err
	}
	s.items[it.num] = it
	s.live++
	if err := s.levels.epoll.Add(it.num, rawefd.EventOneShot, uint64(it.num)); err != nil {
		it.remove()
		return err
	}
	return nil
}

// remove deletes what add registered, as far as the kernel lets it.
func (it *item) remove() {
	s := it.set
	edges := s.edges.epoll.Delete(it.num)
	levels := s.levels.epoll.Delete(it.num)
	if edges == nil && levels == nil {
		delete(s.items, it.num)
	}
	s.live--
}

// look returns the events that are there now. If there are none, the level
// registration stays on and will report the next ones. It fails if the number
// does not mean the registered file any more.
func (it *item) look() (uint32, error) {
	it.ready = 0
	if err := it.set.levels.epoll.Modify(it.num, it.bits|rawefd.EventOneShot, uint64(it.num)); err != nil {
		return 0, err
	}
	it.set.drainLevels()
	return it.ready, nil
}

func (s *set) drainEdges() {
	s.drain(s.edges.epoll, func(it *item, bits uint32) {
		if it.pulses {
			it.pulse(bits)
			return
		}
		for _, w := range it.watches {
			w.target.Edge(bits)
		}
	})
}

func (s *set) drainLevels() {
	s.drain(s.levels.epoll, func(it *item, bits uint32) {
		it.ready |= bits
		for _, w := range it.watches {
			w.target.Level(bits)
		}
	})
}

// drain hands out the events of one instance. They are fetched and handed out
// under one lock, so an event is never handed out late: not to a watch that
// replaced the one it was meant for, and not to a wait that began after what it
// reports was over.
func (s *set) drain(epoll rawefd.Epoll, hand func(*item, uint32)) {
	for n := rawefd.BatchSize; n == rawefd.BatchSize && s.live > 0; {
		events, err := epoll.Wait(&batch)
		if err != nil {
			panicLost(err)
		}
		for _, ev := range events {
			if it := s.items[int(ev.ID)]; it != nil {
				hand(it, ev.Bits)
			}
		}
		n = len(events)
	}
}
