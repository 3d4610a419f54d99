package semaphore_test

import (
	"testing"

	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/semaphore"
)

// An Acquire polls only if several permits were free when a waiter was woken, and no goroutine waits.
func TestPollsWhereThatWasWorthwhile(t *testing.T) {
	if !mode.Is("private") {
		return
	}
	s := mustNew(t, 1)
	if semaphore.Poll(s, 1) {
		t.Error("a Semaphore of which nothing is known has polled")
	}
	semaphore.Learn(s)
	if semaphore.Poll(s, 1) {
		t.Error("one free permit is enough to poll, want two")
	}
	s.Release(1)
	// For 100 ms after a goroutine has found that others want the processor, none polls.
	hammer.Eventually(t, func() string { return "no poll after two permits were free" }, func() bool {
		semaphore.Learn(s)
		return semaphore.Poll(s, 1)
	})
	wantCount(t, s, 1)
	c := newCrowd(s)
	waiter := c.join(background, 3)
	if semaphore.Poll(s, 1) {
		t.Error("an Acquire that polls has overtaken one that needs several permits")
	}
	s.Release(2)
	c.want(t, waiter, nil)
	wantCount(t, s, 0)
}
