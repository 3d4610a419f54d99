//go:build cgo && !mips && !mipsle && (!arm || arm.7)

package callback_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/eventchan/eventchan/internal/testing/chandle"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/handletest"
	"github.com/eventchan/eventchan/notify"
)

// These tests stop threads at various steps between their add and the doorbell.

var stops = map[string]chandle.Stop{
	"before RUNG": chandle.BeforeRung, "before the push": chandle.BeforePush,
	"before the write": chandle.BeforeWrite, "before QUIET": chandle.BeforeQuiet,
}

// newSleeper returns a Notifier with a goroutine that waits for it. When newSleeper returns,
// that goroutine and the doorbell's are asleep. The channel has the counts received.
func newSleeper(t *testing.T) (n *notify.Notifier, s *handletest.Slot, received chan uint64) {
	t.Helper()
	n, handle := newNotifier()
	received = make(chan uint64, 100)
	go func() {
		defer close(received)
		for {
			count, err := n.Wait(context.Background())
			if count > 0 {
				received <- count
			}
			if errors.Is(err, os.ErrClosed) {
				return
			}
		}
	}()
	s = (*handletest.Slot)(handle)
	hammer.Eventually(t, func() string { return "the goroutine does not fall asleep" },
		func() bool { return s.Word.Load()&ring != 0 })
	hammer.Eventually(t, func() string { return "the doorbell's goroutine stays awake" },
		func() bool { return s.Head.Load()&quiet == 0 })
	return n, s, received
}

// wakeable fails the test if a signal does not wake a goroutine.
func wakeable(t *testing.T) {
	t.Helper()
	n, s, received := newSleeper(t)
	defer n.Close()
	mustAdd(t, address(s), 3)
	hammer.Eventually(t, func() string { return "a signal did not wake the sleeper" },
		func() bool { return len(received) > 0 })
}

// newStopped returns a sleeper as [newSleeper] does, and a thread that signals it and is
// stopped there. It tries again if the doorbell's goroutine was awake when the thread pushed,
// because that thread does not write: a write of an earlier thread can wake the goroutine
// even after newSleeper has found it asleep.
func newStopped(t *testing.T, there chandle.Stop) (*notify.Notifier, <-chan uint64, *chandle.Paused) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		n, s, received := newSleeper(t)
		p, err := chandle.AddPaused(address(s), there)
		if err == nil {
			return n, received, p
		}
		if p == nil || time.Now().After(deadline) {
			t.Fatal(err)
		}
		finish(t, p)
		n.Close()
	}
}

// A stopped thread delays only the handle that it signals.
func TestStoppedThreadDelaysItsOwnHandle(t *testing.T) {
	for name, there := range stops {
		t.Run(name, func(t *testing.T) {
			n, received, p := newStopped(t, there)
			defer n.Close()
			for range 3 {
				wakeable(t)
			}
			finish(t, p)
			if got := <-received; got != 1 {
				t.Errorf("received %d, want 1", got)
			}
			wakeable(t)
		})
	}
}

// A thread that pushes after the last handle was closed, when no goroutine serves the
// doorbell, does not prevent later wake-ups.
func TestLateThreadLeavesDoorbellUsable(t *testing.T) {
	for name, there := range stops {
		t.Run(name, func(t *testing.T) {
			n, received, p := newStopped(t, there)
			n.Close()
			if got, more := <-received; got != 1 {
				t.Errorf("Close delivered %d, %v; want 1", got, more)
			}
			hammer.Eventually(t, func() string { return "the doorbell's goroutine does not end" },
				func() bool { return !served() })
			finish(t, p)
			for range 3 {
				wakeable(t)
			}
		})
	}
}

// served reports whether a goroutine serves the doorbell.
func served() bool {
	stacks := make([]byte, 1<<20)
	return strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "internal/doorbell.")
}

// The handle of a closed Notifier is never reused for another.
func TestHandlesAreNeverReused(t *testing.T) {
	seen := make(map[unsafe.Pointer]bool)
	for range 1000 {
		n, handle := newNotifier()
		n.Close()
		if seen[handle] {
			t.Fatal("a handle is used again")
		}
		seen[handle] = true
	}
}
