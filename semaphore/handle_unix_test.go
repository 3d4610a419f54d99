//go:build unix && !mips && !mipsle && (!arm || arm.7)

package semaphore_test

import (
	"context"
	"math"
	"testing"
	"time"
	"unsafe"

	"github.com/eventchan/eventchan/internal/testing/handletest"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/internal/word"
)

// Handle moves any number of permits, even more than a state word holds.
func TestHandleMovesAnyNumber(t *testing.T) {
	for _, permits := range []int64{1, word.Full, word.Full + 9, math.MaxInt64 - 5} {
		s := mustNew(t, permits)
		if !handletest.Signal(s.Handle(), 5) {
			t.Error("a release through the handle came too late")
		}
		wantCount(t, s, permits+5)
		if !mode.Is("exported") { // where each permit would take a system call
			wantTry(t, s, permits+5, true)
			wantTry(t, s, 1, false)
		}
	}
}

func TestHandleIsTheSameEachTimeAndNilAfterClose(t *testing.T) {
	s := mustNew(t, 1)
	h := s.Handle()
	if h == nil {
		t.Fatal("Handle = nil")
	}
	s.FD()
	s.C()
	if got := s.Handle(); got != h {
		t.Errorf("Handle = %p, want %p as before", got, h)
	}
	s.Close()
	if got := s.Handle(); got != nil {
		t.Errorf("Handle = %p after Close, want nil", got)
	}
	if handletest.Signal(h, 1) {
		t.Error("a release after Close came in time")
	}
}

// A permit that C releases goes to a waiter that has waited for long, even if a running
// goroutine sees it before the doorbell's goroutine does.
func TestReleaseThroughHandleReachesALongWaiter(t *testing.T) {
	for range 20 {
		s := mustNew(t, 0)
		c := newCrowd(s)
		h := s.Handle()
		for range 3 {
			c.join(background, 1)
		}
		<-time.After(long)
		for waiter := range 3 {
			handletest.Signal(h, 1)
			wantTry(t, s, 1, false)
			c.want(t, waiter, nil)
		}
		for range 3 {
			c.join(background, 1)
		}
		<-time.After(long)
		for waiter := range 3 {
			ctx, cancel := context.WithTimeout(background, long)
			handletest.Signal(h, 1)
			wantIs(t, "Acquire behind a waiter", s.Acquire(ctx, 1), context.DeadlineExceeded)
			cancel()
			c.want(t, 3+waiter, nil)
		}
	}
}

// startLibrary does what a C library would do in ExampleSemaphore_Handle.
func startLibrary(handle unsafe.Pointer) { go handletest.Signal(handle, 3) }
