// Package poller reports to handlers that descriptors became ready. The descriptors
// that the library owns share one epoll instance and its goroutine, which exist only
// while something is registered. Borrowed descriptors are in sets, each of which has two such
// instances. Go's runtime poller watches every instance, so waiting for one blocks no thread.
package poller

import (
	"sync"
	"sync/atomic"

	"github.com/eventchan/eventchan/internal/lead"
	"github.com/eventchan/eventchan/internal/rawefd"
)

var (
	mu      sync.Mutex // guards the variables below, and the sources of every loop
	current *loop      // nil while nothing is registered
	lastID  uint64     // ids are never reused, so a late event finds no source
)

// A loop is the epoll instance of all Sources and the post where a goroutine waits for it. It
// lasts from the first registration to the end of the last one; a registration after that
// starts another loop.
type loop struct {
	*Instance
	post    *lead.Post
	armed   atomic.Int32 // how many registrations ask for events
	nested  bool         // what rawefd.NestedEdges returned
	sources map[uint64]*Source
	batch   rawefd.Batch
	found   [rawefd.BatchSize]*Source
}

// start makes a loop the current one. The caller holds mu.
func start() error {
	in, err := NewInstance()
	if err != nil {
		return err
	}
	current = &loop{Instance: in, nested: nestedEdges(), sources: make(map[uint64]*Source)}
	current.post = lead.NewPost(&in.Polled, current.look)
	return nil
}

// stop makes the loop end soon. The caller holds mu.
func (l *loop) stop() {
	current = nil
	l.end()
	l.post.End()
}

func nestedEdges() (nested bool) {
	rawefd.Elsewhere(func() { nested = rawefd.NestedEdges() })
	return nested
}

// look handles the events that have come. A leader handles only its own source, and only while
// no other source is armed. It then need not ask the epoll instance which source has events,
// because no source is disarmed before its leader is done. An owner that arms another source
// counts it in armed first. If it is not counted here yet, its first edge therefore comes
// after this look and causes another one.
func (l *loop) look(by *lead.Leader) (rested bool) {
	switch {
	case by == nil:
		l.dispatch()
	case l.armed.Load() == 1:
		by.Own()
	default:
		return false
	}
	return true
}

// dispatch calls the handlers of all sources that have events. An event that comes while it
// runs, even after its last Wait, causes another edge.
func (l *loop) dispatch() {
	for {
		events, err := l.Wait(&l.batch)
		if err != nil {
			if !l.pause() {
				return
			}
			continue
		}
		for _, s := range l.find(events) {
			if s != nil {
				s.handler.Ready()
			}
		}
		clear(l.found[:len(events)]) // otherwise found would keep the objects from being collected
		if len(events) < rawefd.BatchSize {
			return
		}
	}
}

// pause is called when epoll_wait fails. It returns true after retryDelay if dispatch is to
// try again: the events stay in the epoll instance, and goroutines are still waiting for them.
// It returns false once the loop has been stopped.
func (l *loop) pause() bool {
	mu.Lock()
	running := current == l
	mu.Unlock()
	if running {
		rawefd.Nap(retryDelay)
	}
	return running
}

// find returns the source of each event, or nil if it has been closed.
func (l *loop) find(events []rawefd.Event) []*Source {
	mu.Lock()
	defer mu.Unlock()
	for i, ev := range events {
		l.found[i] = l.sources[ev.ID]
	}
	return l.found[:len(events)]
}
