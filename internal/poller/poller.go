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
	mu      sync.Mutex // guards all below, and handlers of every loop
	current *loop      // nil while nothing is registered
	lastID  uint64     // ids are never reused, so a late event finds no handler
)

// A loop is the epoll instance and the goroutine at its post, from the first
// registration to the end of the last. A registration after that starts another loop.
type loop struct {
	*Instance
	post     *lead.Post
	armed    atomic.Int32 // registrations that ask for events
	nested   bool         // see rawefd.NestedEdges
	handlers map[uint64]func(bits uint32)
	batch    rawefd.Batch
	found    [rawefd.BatchSize]func(bits uint32)
}

// start makes a loop the current one. The caller holds mu.
func start() error {
	in, err := NewInstance()
	if err != nil {
		return err
	}
	current = &loop{Instance: in, nested: nestedEdges(), handlers: make(map[uint64]func(uint32))}
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
		for i, handle := range l.find(events) {
			if handle != nil {
				handle(events[i].Bits)
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

// find returns the handlers of the events, nil for those that are gone.
func (l *loop) find(events []rawefd.Event) []func(uint32) {
	mu.Lock()
	defer mu.Unlock()
	for i, ev := range events {
		l.found[i] = l.handlers[ev.ID]
	}
	return l.found[:len(events)]
}

// A registration is one descriptor in the epoll instance. It belongs to a Source, whose
// owner calls one method at a time.
type registration struct {
	loop   *loop
	num    int
	id     uint64
	armed  bool // asks for events
	needed bool // the owner has sleepers
}

// register has handle called for the events in bits once the loop's post is manned. The
// descriptor stays open until remove. A handler may still be called once by an
// event that was on its way when remove was called.
func register(num int, bits uint32, handle func(bits uint32)) (*registration, error) {
	mu.Lock()
	defer mu.Unlock()
	if current == nil {
		if err := start(); err != nil {
			return nil, err
		}
	}
	lastID++
	r := &registration{loop: current, num: num, id: lastID}
	current.handlers[r.id] = handle // before Add, whose first event can come immediately
	r.count(true)
	if err := current.Add(num, bits, r.id); err != nil {
		r.forget()
		return nil, err
	}
	return r, nil
}

// arm has events reported; those that are there now count as new. disarm stops that.
func (r *registration) arm(bits uint32) error {
	r.count(true)
	err := r.loop.Modify(r.num, bits, r.id)
	if err != nil {
		r.count(false)
	}
	return err
}

func (r *registration) disarm(bits uint32) {
	if r.loop.Modify(r.num, bits, r.id) == nil {
		r.count(false)
	}
}

func (r *registration) count(armed bool) {
	if armed != r.armed {
		r.armed = armed
		r.loop.armed.Add(change(armed))
	}
}

// need says whether the owner has sleepers.
func (r *registration) need(needed bool) {
	if needed != r.needed {
		r.needed = needed
		r.loop.post.Need(change(needed))
	}
}

func change(more bool) int32 {
	if more {
		return 1
	}
	return -1
}

// remove ends the registration, before its descriptor is closed.
func (r *registration) remove() {
	mu.Lock()
	defer mu.Unlock()
	r.loop.Delete(r.num)
	r.forget()
}

func (r *registration) forget() {
	r.count(false)
	r.need(false)
	delete(r.loop.handlers, r.id)
	if len(r.loop.handlers) == 0 {
		r.loop.stop()
	}
}
