// Package poller reports to handlers that descriptors became ready. The descriptors
// that the library owns share one epoll instance and its goroutine, which exist only
// while something is registered. Borrowed descriptors are in sets, of two such
// instances each. Go's runtime poller watches every instance, so none blocks a thread.
package poller

import (
	"sync"
	"sync/atomic"

	"github.com/eventchan/eventchan/internal/lead"
	"github.com/eventchan/eventchan/internal/rawefd"
)

var (
	mu      sync.Mutex // guards all below, and sources of every loop
	current *loop      // nil while nothing is registered
	lastID  uint64     // ids are never reused, so a late event finds no source
)

// A loop is the epoll instance and the goroutine at its post, from the first
// registration to the end of the last. A registration after that starts another loop.
type loop struct {
	*Instance
	post    *lead.Post
	armed   atomic.Int32 // registrations that ask for events
	nested  bool         // see rawefd.NestedEdges
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

// stop ends the loop soon. The caller holds mu.
func (l *loop) stop() {
	current = nil
	l.post.End()
}

func nestedEdges() (nested bool) {
	rawefd.Elsewhere(func() { nested = rawefd.NestedEdges() })
	return nested
}

// look handles what has happened. A leader handles its own source only, and only while
// that is the only one that asks for events: then it need not ask the epoll instance
// whose they are, since no source is disarmed before its leader is done. An owner that
// arms another source counts it first; so if it is not counted here, its first edge comes
// later than this look, and makes another.
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

// dispatch hands out all events that are there. An event that comes while it runs, even
// after its last look, makes another edge.
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
		clear(l.found[:len(events)]) // they keep their objects from being collected
		if len(events) < rawefd.BatchSize {
			return
		}
	}
}

// pause is called when the system fails to say what happened. It reports whether to
// ask again, after retryDelay: events stay in the epoll instance, and goroutines keep
// waiting for them. It returns false once the loop has been stopped.
func (l *loop) pause() bool {
	mu.Lock()
	running := current == l
	mu.Unlock()
	if running {
		rawefd.Nap(retryDelay)
	}
	return running
}

// find returns the sources of the events, nil for those that are gone.
func (l *loop) find(events []rawefd.Event) []*Source {
	mu.Lock()
	defer mu.Unlock()
	for i, ev := range events {
		l.found[i] = l.sources[ev.ID]
	}
	return l.found[:len(events)]
}
