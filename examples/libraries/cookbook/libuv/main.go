//go:build linux && cgo

// Command libuv joins libuv to Go in both ways: a loop with a thread of its own, whose
// callbacks signal, and a loop that a goroutine runs when its descriptor is ready. It
// exits with status 1 if what its callbacks signal does not arrive.
package main

/*
#cgo pkg-config: libuv
#include <stdlib.h>
#include <uv.h>

extern long eventchan_signal(void *handle);

// A function whose address Go takes is not static. A callback of libuv's gets a pointer to a handle of libuv's, and the user's in that.
void on_timer(uv_timer_t *timer) { eventchan_signal(timer->data); }
void on_async(uv_async_t *async) { uv_stop(async->loop); eventchan_signal(async->data); }
*/
import "C"

import (
	"fmt"
	"log"
	"time"

	"github.com/eventchan/eventchan/bridge"
	_ "github.com/eventchan/eventchan/bridge/callback" // has eventchan_signal
	"github.com/eventchan/eventchan/notify"
)

const expirations = 20

var late = time.After(time.Minute)

// A loop has a timer and an async handle, the only kind of handle of libuv that other
// threads are allowed to use. All are in C's memory.
type loop struct {
	loop           *C.uv_loop_t
	async          *C.uv_async_t
	expired, woken *notify.Notifier
}

func newLoop() *loop {
	l := &loop{
		loop:  (*C.uv_loop_t)(C.malloc(C.sizeof_uv_loop_t)),
		async: (*C.uv_async_t)(C.malloc(C.sizeof_uv_async_t)),
	}
	timer := (*C.uv_timer_t)(C.malloc(C.sizeof_uv_timer_t))
	l.expired, _ = notify.New()
	l.woken, _ = notify.New()
	C.uv_loop_init(l.loop)
	C.uv_timer_init(l.loop, timer)
	timer.data = l.expired.Handle()
	C.uv_timer_start(timer, (*[0]byte)(C.on_timer), 1, 1)
	C.uv_async_init(l.loop, l.async, (*[0]byte)(C.on_async))
	l.async.data = l.woken.Handle()
	return l
}

// A counter wakes the loop when it has seen enough expirations.
type counter uint64

func (got *counter) add(l *loop, signals uint64) {
	if before := *got; before < expirations {
		*got += counter(signals)
		if *got >= expirations {
			C.uv_async_send(l.async)
		}
	}
}

func main() {
	ownThread(newLoop())
	inGo(newLoop())
}

// ownThread lets the loop run in a thread of its own.
func ownThread(l *loop) {
	ended := make(chan struct{})
	go func() {
		C.uv_run(l.loop, C.UV_RUN_DEFAULT)
		close(ended)
	}()
	var got counter
	for woken := false; !woken; {
		select {
		case signals := <-l.expired.C():
			got.add(l, signals)
		case <-l.woken.C():
			woken = true
		case <-late:
			log.Fatalf("%d expirations", got)
		}
	}
	<-ended
	fmt.Println("in a thread: 20 expirations, woken")
}

// inGo runs the loop in this goroutine, when it has something to do.
func inGo(l *loop) {
	w, err := bridge.Watch(int(C.uv_backend_fd(l.loop)), bridge.Readable)
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	var got counter
	for woken := false; !woken; {
		C.uv_run(l.loop, C.UV_RUN_NOWAIT)
		w.Rearm() // because what libuv has left for its next run does not cause a new edge
		var due <-chan time.Time
		if ms := C.uv_backend_timeout(l.loop); ms >= 0 {
			due = time.After(time.Duration(ms) * time.Millisecond)
		}
		select {
		case <-w.C():
		case <-due:
		case signals := <-l.expired.C():
			got.add(l, signals)
		case <-l.woken.C():
			woken = true
		case <-late:
			log.Fatalf("%d expirations", got)
		}
	}
	fmt.Println("in Go: 20 expirations, woken")
}
