//go:build linux

package tests

import (
	"context"
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/testing/rawio"
	"github.com/eventchan/eventchan/semaphore"
)

// LTP eventfd04, 05: semaphore reads give 1 each, as often as the count says.
func TestSemaphoreReadsGiveOneEach(t *testing.T) {
	s := newSemaphore(t, 3)
	for i := range 3 {
		if got, err := rawio.Take(s.FD()); got != 1 || err != nil {
			t.Errorf("read %d: got %d, %v, want 1", i, got, err)
		}
	}
	if _, err := rawio.Take(s.FD()); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("the fourth read: got %v, want EAGAIN", err)
	}
	if s.TryAcquire(1) {
		t.Error("TryAcquire took a permit that is not there")
	}
}

// CPython, test_eventfd_semaphore.
func TestPermitsFromTheStart(t *testing.T) {
	s := newSemaphore(t, 2)
	for i := range 2 {
		if err := s.Acquire(soon(t), 1); err != nil {
			t.Errorf("permit %d: %v", i, err)
		}
	}
	if s.TryAcquire(1) {
		t.Error("a third permit could be acquired")
	}
	third := inBackground(func() error { return s.Acquire(soon(t), 1) })
	quiet(t)
	nothing(t, third)
	s.Release(1)
	if err, _ := receive(t, third); err != nil {
		t.Error(err)
	}
	wantCount(t, s, 0)
}

// tokio-eventfd.
func TestFortyTwoReleasesAreFortyTwoAcquires(t *testing.T) {
	s := newSemaphore(t, 0)
	for range 42 {
		s.Release(1)
	}
	for i := range 42 {
		if err := s.Acquire(soon(t), 1); err != nil {
			t.Fatalf("permit %d: %v", i, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	waiter := inBackground(func() error { return s.Acquire(ctx, 1) })
	quiet(t)
	nothing(t, waiter)
	cancel()
	err, _ := receive(t, waiter)
	wantError(t, "the 43rd", err, context.Canceled)
}

// golang.org/x/sync/semaphore: TestWeightedDoesntBlockIfTooBig and the starvation
// tests.
func TestLargeAcquireIsServedInItsTurn(t *testing.T) {
	s := newSemaphore(t, 2)
	large := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { large <- s.Acquire(ctx, 3) }()
	allAsleep(t)
	small := inBackground(func() error { return s.Acquire(soon(t), 1) })
	quiet(t)
	if s.TryAcquire(1) {
		t.Error("TryAcquire has overtaken a waiter")
	}
	nothing(t, small)
	cancel() // the waiters behind it go on
	err, _ := receive(t, large)
	wantError(t, "the large one", err, context.Canceled)
	if err, _ := receive(t, small); err != nil {
		t.Error(err)
	}
	wantCount(t, s, 1)
}

// A Semaphore has the methods of a Weighted.
var _ interface {
	Acquire(context.Context, int64) error
	TryAcquire(int64) bool
	Release(int64)
} = (*semaphore.Semaphore)(nil)
