package poller

import (
	"sync"
	"time"

	"github.com/eventchan/eventchan/internal/rawefd"
)

// retryDelay is how long Retry waits before it calls Ready. It is for a system that is out of
// descriptors, watches or memory.
const retryDelay = 10 * time.Millisecond

// retries has the handlers to call after retryDelay, by the pointer that asked for the call.
// The goroutine that calls them exists only as long as there are any.
var retries struct {
	sync.Mutex
	handlers map[any]Handler
	running  bool
}

// Retry makes the poller call Ready after retryDelay. Several calls of Retry before that cause
// one call of Ready.
func (s *Source) Retry() { retryLater(s, s.handler) }

func retryLater(key any, h Handler) {
	retries.Lock()
	defer retries.Unlock()
	if retries.handlers == nil {
		retries.handlers = make(map[any]Handler)
	}
	retries.handlers[key] = h
	if !retries.running {
		retries.running = true
		go retry()
	}
}

// retry is the goroutine that calls the handlers. It sleeps in the kernel and does not use
// Go's timers: the first timer of a process makes the runtime open its poller, and the runtime
// ends the process if no descriptor is left for that.
func retry() {
	for due := nextRetries(); due != nil; due = nextRetries() {
		for _, h := range due {
			h.Ready()
		}
	}
}

// nextRetries waits for retryDelay and returns the handlers to call, or nil if there are none.
func nextRetries() map[any]Handler {
	rawefd.Nap(retryDelay)
	retries.Lock()
	defer retries.Unlock()
	due := retries.handlers
	retries.handlers = nil
	retries.running = due != nil
	return due
}
