// Package poller reports to handlers that descriptors became ready. The descriptors
// that the library owns share one epoll instance and its goroutine, which exist only
// while something is registered. Borrowed descriptors are in sets, of two such
// instances each. Go's runtime poller watches every instance, so none blocks a thread.
package poller

import (
	"sync"

	"github.com/eventchan/eventchan/internal/rawefd"
)

var (
	mu      sync.Mutex // guards all below, and handlers of every loop
	current *loop      // nil while nothing is registered
	lastID  uint64     // ids are never reused, so a late event finds nobody
)

// A loop is the epoll instance and its goroutine, from the first registration
// to the end of the last. A registration after that starts another loop.
type loop struct {
	*Instance
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
	current = &loop{Instance: in, handlers: make(map[uint64]func(uint32))}
	go in.serve(current.dispatch)
	return nil
}

// stop ends the loop soon. The caller holds mu.
func (l *loop) stop() {
	current = nil
	l.Interrupt()
}

// dispatch hands out all events that are there. An event that comes while it
// runs, even after its last look, makes another edge.
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

// A registration is one descriptor in the epoll instance.
type registration struct {
	loop *loop
	num  int
	id   uint64
}

// register has the poller goroutine call handle for the events in bits. The
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
	current.handlers[r.id] = handle // before Add, whose first event may come at once
	if err := current.Add(num, bits, r.id); err != nil {
		r.forget()
		return nil, err
	}
	return r, nil
}

// modify replaces the events; those that are there now count as new.
func (r *registration) modify(bits uint32) error {
	return r.loop.Modify(r.num, bits, r.id)
}

// remove ends the registration, before its descriptor is closed.
func (r *registration) remove() {
	mu.Lock()
	defer mu.Unlock()
	r.loop.Delete(r.num)
	r.forget()
}

func (r *registration) forget() {
	delete(r.loop.handlers, r.id)
	if len(r.loop.handlers) == 0 {
		r.loop.stop()
	}
}
