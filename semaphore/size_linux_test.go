package semaphore_test

import (
	"testing"

	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/handletest"
	"github.com/eventchan/eventchan/semaphore"
)

// After an export other processes can make permits, so the size no longer has an effect. A
// Release past it adds permits, and an Acquire of more takes its turn, even one that has waited
// apart.
func TestSizeEndsWithTheExport(t *testing.T) {
	s := newWeighted(t, 2)
	c := newCrowd(s)
	apart := make(chan error)
	go func() { apart <- s.Acquire(background, 4) }()
	for semaphore.Apart(s) == 0 {
		hammer.Yield()
	}
	if s.FD() < 0 {
		t.Fatal("FD = -1")
	}
	for semaphore.Waiting(s) == 0 {
		hammer.Yield()
	}
	small := c.join(background, 1) // behind the Acquire of 4
	wantTry(t, s, 1, false)
	s.Release(2)
	if err := <-apart; err != nil {
		t.Errorf("Acquire(4) = %v after an export and a Release", err)
	}
	s.Release(4)
	c.want(t, small, nil)
	s.Release(3)
	wantCount(t, s, 6)
	large := c.join(background, 7)
	s.Release(1)
	c.want(t, large, nil)
}

// C threads add without checking the size. If they add one permit too many, a Release in Go
// panics when the permits come back.
func TestCThreadsDoNotKnowTheSize(t *testing.T) {
	s := semaphore.NewWeighted(2)
	defer s.Close()
	mustAcquire(t, s, 2)
	for range 3 { // the third is too many
		if !handletest.Signal(s.Handle(), 1) {
			t.Error("a release through the handle came too late")
		}
	}
	wantCount(t, s, 3)
	wantPanic(t, "Release(1)", tooMany, func() { s.Release(1) })
	wantCount(t, s, 3)
	mustAcquire(t, s, 3)
	s.Release(2)
	wantPanic(t, "Release(1)", tooMany, func() { s.Release(1) })
	wantCount(t, s, 2)
}
