package poller

import (
	"sync"
	"time"

	"github.com/eventchan/eventchan/internal/rawefd"
)

// retryDelay is how long Retry waits for a machine that is out of descriptors,
// watches or memory.
const retryDelay = 10 * time.Millisecond

// retries are the handlers to call after that, by the pointer that asked, and the
// goroutine that calls them, which exists only as long as there are any.
var retries struct {
	sync.Mutex
	handlers map[any]Handler
	running  bool
}

// Retry has Ready called after retryDelay, once however often it is asked for.
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

// retry is the goroutine. It sleeps in the kernel rather than by a timer of Go's:
// the first timer of a process has the runtime open its poller, for which there
// may be no room, and then the runtime ends the process.
func retry() {
	for due := nextRetries(); due != nil; due = nextRetries() {
		for _, h := range due {
			h.Ready()
		}
	}
}

// nextRetries returns the handlers to call after retryDelay, or nil if there are none.
func nextRetries() map[any]Handler {
	rawefd.Nap(retryDelay)
	retries.Lock()
	defer retries.Unlock()
	due := retries.handlers
	retries.handlers = nil
	retries.running = due != nil
	return due
}
