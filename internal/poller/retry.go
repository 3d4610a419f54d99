package poller

import (
	"sync"
	"time"

	"github.com/eventchan/eventchan/internal/rawefd"
)

// retryDelay is how long Retry waits for a machine that is out of descriptors,
// watches or memory.
const retryDelay = 10 * time.Millisecond

// retries are the Sources that wait for that, and the goroutine that calls their
// Ready, which exists only as long as there are any. A Source is in it once, however
// often MustArm has failed.
var retries struct {
	sync.Mutex
	sources map[*Source]struct{}
	running bool
}

// Retry has Ready called after retryDelay, once however often it is asked for.
func (s *Source) Retry() {
	retries.Lock()
	defer retries.Unlock()
	if retries.sources == nil {
		retries.sources = make(map[*Source]struct{})
	}
	retries.sources[s] = struct{}{}
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
		for s := range due {
			s.handler.Ready()
		}
	}
}

// nextRetries returns the Sources to try again after retryDelay, or nil if there are
// none.
func nextRetries() map[*Source]struct{} {
	rawefd.Nap(retryDelay)
	retries.Lock()
	defer retries.Unlock()
	due := retries.sources
	retries.sources = nil
	retries.running = due != nil
	return due
}
