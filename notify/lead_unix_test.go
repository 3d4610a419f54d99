//go:build unix

package notify_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/notify"
)

// A countedContext counts the functions that are to run at its end.
type countedContext struct {
	context.Context
	begun, ended atomic.Int32
}

// Value hides the context inside, or package context would ask that.
func (c *countedContext) Value(any) any { return nil }

func (c *countedContext) AfterFunc(f func()) (stop func() bool) {
	c.begun.Add(1)
	end := context.AfterFunc(c.Context, f)
	return func() bool { c.ended.Add(1); return end() }
}

// A goroutine that leads hears of the end of its context, for which it asks once for many
// waits.
func TestLeaderSeesTheEndOfItsContext(t *testing.T) {
	inner, cancel := context.WithCancel(background)
	ctx := &countedContext{Context: inner}
	n := waitOften(t, ctx)
	if got := ctx.begun.Load(); got != 1 {
		t.Errorf("100 waits asked %d times to hear of the end of their context, want once", got)
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
		t.Errorf("%d functions are left with the context after Close, want 0", begun-ended)
	}
}

// waitOften returns a Notifier for which a goroutine has waited so often that it leads.
func waitOften(t *testing.T, ctx context.Context) *notify.Notifier {
	t.Helper()
	if !rawefd.HasDoorbell {
		t.Skip("nothing leads without a doorbell")
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
