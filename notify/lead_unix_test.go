//go:build unix

package notify_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/notify"
)

// A goroutine that leads is woken by the end of its context. It follows the context once for many waits.
func TestLeaderSeesTheEndOfItsContext(t *testing.T) {
	inner, cancel := context.WithCancel(background)
	ctx := &hammer.CountedContext{Context: inner}
	n := newSignaled(t)
	// The goroutine of the doorbell stays awake for a while after the tests before this one.
	hammer.Eventually(t, func() string { return "no goroutine leads" }, func() bool {
		waitOften(t, ctx, n)
		return ctx.Followed.Load() > 0
	})
	waitOften(t, ctx, n)
	if got := ctx.Followed.Load(); got != 1 {
		t.Errorf("hundreds of waits began to follow the context %d times, want once", got)
	}
	arrivals := startWaiters(n, []context.Context{ctx})
	cancel()
	if got := <-arrivals; got.err != context.Canceled {
		t.Errorf("Wait = %d, %v; want context.Canceled", got.count, got.err)
	}
}

func TestCloseLeavesNothingWithTheContext(t *testing.T) {
	inner, cancel := context.WithCancel(background)
	defer cancel()
	ctx := &hammer.CountedContext{Context: inner}
	n := newSignaled(t)
	waitOften(t, ctx, n)
	n.Close()
	hammer.Eventually(t, func() string { return "the context is still followed after Close" }, func() bool {
		return hammer.Followers() == 0
	})
}

// A context that has ended is not kept for the next wait.
func TestContextIsNotKept(t *testing.T) {
	n := newSignaled(t)
	freed := make(chan struct{})
	func() {
		type key struct{}
		value := new([64]byte)
		runtime.AddCleanup(value, func(freed chan struct{}) { close(freed) }, freed)
		ctx, cancel := context.WithCancel(context.WithValue(background, key{}, value))
		waitOften(t, ctx, n)
		cancel()
	}()
	hammer.Eventually(t, func() string { return "the context is still there" }, func() bool {
		runtime.GC()
		select {
		case <-freed:
			return true
		default:
			return false
		}
	})
}

// newSignaled returns a private Notifier. mustSignal gives it a handle.
func newSignaled(t *testing.T) *notify.Notifier {
	t.Helper()
	if !rawefd.HasDoorbell {
		t.Skip("this system has no doorbell, without which no goroutine leads")
	}
	n, err := notify.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// waitOften has a goroutine wait so often that it leads.
func waitOften(t *testing.T, ctx context.Context, n *notify.Notifier) {
	t.Helper()
	for range 100 {
		arrivals := startWaiters(n, []context.Context{ctx})
		mustSignal(t, n, 2)
		if got := <-arrivals; got.count != 2 || got.err != nil {
			t.Fatalf("Wait = %d, %v; want 2", got.count, got.err)
		}
	}
}
