// Package poller tells handlers when descriptors become ready. All of them
// share one epoll instance, which Go's runtime poller watches in its turn, and
// one goroutine: it blocks no thread, and it exists only while something is
// registered.
package poller

import (
	"os"
	"sync"
	"syscall"
	"time"

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
	epoll    rawefd.Epoll
	file     *os.File // owns epoll
	handlers map[uint64]func(bits uint32)
	batch    rawefd.Batch
	found    [rawefd.BatchSize]func(bits uint32)
}

// start makes a loop the current one. The caller holds mu.
func start() (err error) {
	var l *loop
	var conn syscall.RawConn
	rawefd.Elsewhere(func() { l, conn, err = newLoop() })
	if err != nil {
		return err
	}
	current = l
	go l.run(conn)
	return nil
}

func newLoop() (*loop, syscall.RawConn, error) {
	epoll, err := rawefd.NewEpoll()
	if err != nil {
		return nil, nil, err
	}
	file, err := epoll.File()
	if err != nil {
		return nil, nil, err
	}
	conn, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return &loop{epoll: epoll, file: file, handlers: make(map[uint64]func(uint32))}, conn, nil
}

// run is the goroutine. Read calls dispatch, parks until the runtime poller
// sees an edge on the epoll descriptor, calls dispatch again, and so on until
// stop ends it.
func (l *loop) run(conn syscall.RawConn) {
	// The loop closes the file itself: os.File.Close would wait for Read, and
	// whoever removes the last registration may be a handler that Read runs.
	defer l.file.Close()
	conn.Read(func(uintptr) bool { l.dispatch(); return false })
}

// stop ends the loop soon. The caller holds mu.
func (l *loop) stop() {
	current = nil
	l.file.SetReadDeadline(time.Unix(1, 0)) // long past
}

// dispatch hands out all events that are there. An event that comes while it
// runs, even after its last look, makes another edge.
func (l *loop) dispatch() {
	for {
		events, err := l.epoll.Wait(&l.batch)
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
	if err := current.epoll.Add(num, bits, r.id); err != nil {
		r.forget()
		return nil, err
	}
	return r, nil
}

// modify replaces the events; those that are there now count as new.
func (r *registration) modify(bits uint32) error {
	return r.loop.epoll.Modify(r.num, bits, r.id)
}

// remove ends the registration, before its descriptor is closed.
func (r *registration) remove() {
	mu.Lock()
	defer mu.Unlock()
	r.loop.epoll.Delete(r.num)
	r.forget()
}

func (r *registration) forget() {
	delete(r.loop.handlers, r.id)
	if len(r.loop.handlers) == 0 {
		r.loop.stop()
	}
}
