//go:build unix

package notify_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/notify"
)

// A countedContext counts the calls of its AfterFunc, and the calls of stop.
type countedContext struct {
	context.Context
	begun, ended atomic.Int32
}

// Value hides the inner context, which package context would use otherwise.
func (c *countedContext) Value(any) any { return nil }

func (c *countedContext) AfterFunc(f func()) (stop func() bool) {
	c.begun.Add(1)
	end := context.AfterFunc(c.Context, f)
	return func() bool { c.ended.Add(1); return end() }
}

// A goroutine that leads is woken by the end of its context. It calls AfterFunc once for many waits.
func TestLeaderSeesTheEndOfItsContext(t *testing.T) {
	inner, cancel := context.WithCancel(background)
	ctx := &countedContext{Context: inner}
	n := waitOften(t, ctx)
	if got := ctx.begun.Load(); got != 1 {
		t.Errorf("100 waits called AfterFunc %d times, want once", got)
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
	ctx := &countedContext{Context: inner}
	waitOften(t, ctx).Close()
	if begun, ended := ctx.begun.Load(), ctx.ended.Load(); begun != ended {
		t.Errorf("%d functions are registered with the context after Close, want 0", begun-ended)
	}
}

// waitOften returns a Notifier on which a goroutine has waited so often that the next one leads.
func waitOften(t *testing.T, ctx context.Context) *notify.Notifier {
	t.Helper()
	if !rawefd.HasDoorbell {
		t.Skip("this system has no doorbell, without which no goroutine leads")
	}
	n, err := notify.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	for range 100 {
		arrivals := startWaiters(n, []context.Context{ctx})
		mustSignal(t, n, 2)
		if got := <-arrivals; got.count != 2 || got.err != nil {
			t.Fatalf("Wait = %d, %v; want 2", got.count, got.err)
		}
	}
	return n
}
