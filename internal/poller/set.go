package poller

import (
	"slices"

	"github.com/eventchan/eventchan/internal/rawefd"
)

// A set is where borrowed descriptors are registered: those that other code owns and can
// close at any time, whose number the next open can get.
//
// The kernel finds a registration by number and open file together. It ends
// when that file is closed for good, which a duplicate elsewhere may delay; until
// then the number may come to mean another file, and the registration can be
// neither changed nor deleted. So the rule of a set is: a number stands in it
// at most once, until its deletion was seen to succeed. Then nothing that is
// done to a number in a set can reach the registration of another watcher: it
// reaches the file that was registered, or fails. A number whose deletion
// failed keeps its place until the set is closed, and watchers of its new
// file are in the next set.
//
// An epoll instance for each watcher would need no such rule, but would cost a
// descriptor each, and the kernel allows one file in a hundred of them at most.
type set struct {
	edges  *instance // reports every change once
	levels *instance // reports readiness once for every time it is asked
	items  map[int]*item
	live   int // items that are watched; a set without them is closed
}

// An item is a borrowed descriptor, watched for certain events.
type item struct {
	set     *set
	num     int
	bits    uint32
	watches []*Watch // none: dead, but not known to be deleted
	ready   uint32   // what the latest drain of levels found
	// See pulse.go.
	pulses, dropping bool
	// asking are the watches whose Look has found nothing yet. They alone are to hear of a
	// level, or opening n watches of a descriptor that is ready would take n*n calls.
	asking map[*Watch]struct{}
}

// An instance calls drain, with borrowed held, after each edge.
type instance struct {
	*Instance
	// drain hands out what there is. An error is not the caller's to handle: drain has
	// seen to it that Ready is called again.
	drain func() error
}

// Ready is called by the instance's goroutine, or after a drain that has failed.
func (in *instance) Ready() {
	borrowed.Lock()
	defer borrowed.Unlock()
	in.drain()
}

// newSet adds an empty set to sets.
func newSet() (*set, error) {
	edges, err := NewInstance()
	if err != nil {
		return nil, err
	}
	levels, err := NewInstance()
	if err != nil {
		edges.Close()
		return nil, err
	}
	s := &set{items: make(map[int]*item)}
	s.edges = &instance{edges, s.drainEdges}
	s.levels = &instance{levels, s.drainLevels}
	go edges.serve(s.edges.Ready)
	go levels.serve(s.levels.Ready)
	sets = append(sets, s)
	return s, nil
}

// closeIfUnused closes a set without watches, and with it
// whatever registrations could not be deleted.
func (s *set) closeIfUnused() {
	if s.live > 0 {
		return
	}
	s.edges.Interrupt()
	s.levels.Interrupt()
	sets = slices.DeleteFunc(sets, func(other *set) bool { return other == s })
}

// watchedFor reports whether something watches the item for bits.
func (it *item) watchedFor(bits uint32) bool { return len(it.watches) > 0 && it.bits == bits }

// add registers an item whose number the set does not have. The level
// registration stays off until a Look asks.
func (it *item) add() error {
	s := it.set
	if err := s.edges.Add(it.num, it.edgeBits(), uint64(it.num)); err != nil {
		return err
	}
	s.items[it.num] = it
	s.live++
	if err := s.levels.Add(it.num, rawefd.EventOneShot, uint64(it.num)); err != nil {
		s.live--
		if s.edges.Delete(it.num) == nil {
			delete(s.items, it.num)
		}
		return err
	}
	return nil
}

// remove deletes what add registered, as far as the kernel lets it.
func (it *item) remove() {
	s := it.set
	edges := s.edges.Delete(it.num)
	levels := s.levels.Delete(it.num)
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
	if err := it.set.levels.Modify(it.num, it.bits|rawefd.EventOneShot, uint64(it.num)); err != nil {
		return 0, err
	}
	err := it.set.drainLevels()
	return it.ready, err
}

func (s *set) drainEdges() error {
	return s.drain(s.edges, func(it *item, bits uint32) {
		if it.pulses {
			it.pulse(bits)
			return
		}
		for _, w := range it.watches {
			w.target.Edge(bits)
		}
	})
}

func (s *set) drainLevels() error {
	return s.drain(s.levels, func(it *item, bits uint32) {
		it.ready |= bits
		for w := range it.asking {
			w.target.Level(bits)
		}
		clear(it.asking)
	})
}

// drain hands out the events of one instance. They are fetched and handed out
// under one lock, so an event is never handed out late: not to a watch that
// replaced the one it was meant for, and not to a wait that began after what it
// reports was over. What an error leaves in the instance is drained after a while.
func (s *set) drain(in *instance, hand func(*item, uint32)) error {
	for n := rawefd.BatchSize; n == rawefd.BatchSize && s.live > 0; {
		events, err := in.Wait(&batch)
		if err != nil {
			retryLater(in, in)
			return err
		}
		for _, ev := range events {
			if it := s.items[int(ev.ID)]; it != nil {
				hand(it, ev.Bits)
			}
		}
		n = len(events)
	}
	return nil
}
