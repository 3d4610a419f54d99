package poller

import (
	"slices"

	"github.com/eventchan/eventchan/internal/rawefd"
)

// A set holds registrations of borrowed descriptors: descriptors that other code owns and can
// close at any time, after which their numbers can be reused.
//
// The kernel finds a registration by number and open file together. A registration ends
// when its file is closed for good, which a duplicate of the descriptor delays. Until
// then the number can come to refer to another file, and the registration can be
// neither changed nor deleted. The rule of a set is therefore that a number is in it
// at most once, until its registrations are known to have ended. Then no operation on
// a number in a set can affect the registration of another watcher: it
// affects the file that was registered, or it fails. A number whose deletion
// failed keeps its place until the set is closed or swept (see sweep.go), and watchers of its
// new file go into the next set.
//
// With an epoll instance per watcher, no such rule would be needed. That would cost a
// descriptor per watcher, and the kernel allows one file in at most 500 such instances.
type set struct {
	edges  *instance // reports every change once
	levels *instance // reports readiness once each time it is asked
	items  map[int]*item
	live   int // how many items have watches; at 0 the set is closed
}

// An item is a borrowed descriptor, watched for certain events.
type item struct {
	set     *set
	num     int
	bits    uint32
	watches []*Watch // empty if the item is dead and perhaps not deleted from the instances
	ready   uint32   // what the latest drain of levels found

	// pulses: each edge is a pulse (see pulse.go). dropping: edges are ignored (see settle).
	pulses, dropping bool

	// asking has the watches whose Look has found nothing yet. Only they are called with a
	// level; otherwise opening n watches of a ready descriptor would take n*n calls.
	asking []*Watch
}

// An instance is one of a set's two epoll instances. It calls drain, with borrowed locked,
// after each edge.
type instance struct {
	*Instance
	// drain hands out all events. The caller need not handle an error, because drain has
	// then arranged for another call of Ready.
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
	go s.edges.serve(s.edges.Ready)
	go s.levels.serve(s.levels.Ready)
	sets = append(sets, s)
	return s, nil
}

// closeIfUnused closes a set without watches, which also ends the
// registrations that could not be deleted.
func (s *set) closeIfUnused() {
	at := slices.Index(sets, s)
	if s.live > 0 || at < 0 {
		return
	}
	sets = slices.Delete(sets, at, at+1)
	for _, in := range []*instance{s.edges, s.levels} {
		in.end()
		in.Interrupt()
	}
}

// watchedFor reports whether the item has watches and is registered for exactly bits.
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
		it.forget(s.edges.Delete(it.num) == nil)
		return err
	}
	return nil
}

// forget frees the place of an item without watches if its registrations were deleted. Otherwise
// the item is dead.
func (it *item) forget(deleted bool) {
	if deleted {
		delete(it.set.items, it.num)
	} else {
		deaths++
	}
}

// remove deletes the registrations that add has made, as far as the kernel allows.
func (it *item) remove() {
	s := it.set
	edges := s.edges.Delete(it.num)
	levels := s.levels.Delete(it.num)
	it.forget(edges == nil && levels == nil)
	s.live--
}

// look returns the events that are there now. If there are none, the level
// registration stays on and will report the next ones. look fails if the number
// does not refer to the registered file any more.
func (it *item) look() (uint32, error) {
	it.ready = 0
	if err := it.set.levels.Modify(it.num, it.bits|rawefd.EventOneShot, uint64(it.num)); err != nil {
		return 0, err
	}
	err := it.set.drainLevels()
	return it.ready, err
}

// lookForEdge is look for join and rearm. They report what it returns as an Edge and do not ask for a
// Level, so an event that is missed here would be lost. look can miss one on older kernels, where
// epoll_wait(2) can return nothing while another thread, here one of Go's runtime, scans the same
// instance (docs/kernel.md). poll(2) of the instance waits for the end of that scan.
func (it *item) lookForEdge() (uint32, error) {
	ready, err := it.look()
	if ready != 0 || err != nil {
		return ready, err
	}
	levels := it.set.levels
	if missed, _ := rawefd.Poll(int(levels.Epoll), rawefd.EventIn); missed != 0 {
		err = it.set.drainLevels()
	}
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
		bits &= it.bits | rawefd.EventUnasked
		if bits == 0 {
			return // the registration is one that a failed change has left to a file without a number
		}
		it.ready |= bits
		for i, w := range it.asking {
			w.target.Level(bits)
			w.asks, it.asking[i] = 0, nil
		}
		it.asking = it.asking[:0]
	})
}

// drain hands out the events of one instance. They are fetched and handed out
// under one lock, so that an event is never handed out late: neither to a watch that
// replaced the one for which the event was meant, nor to a wait that began when the event
// was already over. After an error, the rest is drained after retryDelay.
//
// drain fetches no more events than the set has items, rounded up to whole batches. Those include all
// events that were there when it began: an instance has at most one for each item, and the kernel appends
// the later ones, which cause another edge. Otherwise drain would keep the lock for as long as other
// threads make a whole batch of descriptors ready while it hands out the one before.
func (s *set) drain(in *instance, hand func(*item, uint32)) error {
	for left := len(s.items); left > 0 && s.live > 0; left -= rawefd.BatchSize {
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
		if len(events) < rawefd.BatchSize {
			break
		}
	}
	return nil
}
