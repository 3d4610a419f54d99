package semaphore_test

import (
	"context"
	"testing"

	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/semaphore"
)

// An Acquire that polls takes nothing once its context has ended.
func TestPollingAcquireSeesTheEndOfItsContext(t *testing.T) {
	if mode.Is("exported") {
		return // where the count is in an eventfd, an Acquire does not poll
	}
	oneAtATime(t)
	for range 20 {
		s := mustNew(t, 2)
		semaphore.Learn(s)
		mustAcquire(t, s, 2)
		ctx, cancel := context.WithCancel(background)
		released := make(chan struct{})
		go func() { // runs when the Acquire polls
			cancel()
			s.Release(1)
			close(released)
		}()
		wantIs(t, "Acquire", s.Acquire(ctx, 1), context.Canceled)
		<-released
		wantCount(t, s, 1)
	}
}
