package notify_test

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/handletest"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/notify"
)

var background = context.Background()

func mustNew(t testing.TB) *notify.Notifier {
	t.Helper()
	n, err := mode.Notifier()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

func mustAdd(t testing.TB, n *notify.Notifier, delta uint64) {
	t.Helper()
	if err := n.Add(delta); err != nil {
		t.Fatalf("Add(%d) = %v", delta, err)
	}
}

// A way is how a test adds to the count of a Notifier.
type way struct {
	name string
	add  func(t testing.TB, n *notify.Notifier, delta uint64)
}

// anySize are the ways that add counts of any size. Linux has a second one.
var anySize = []way{{"Add", mustAdd}}

// eachWay runs a test with signals from Go code, which reach a waiter directly, and with signals that come
// from elsewhere: through the eventfd, as other processes send them, and through a handle, as C threads
// do.
func eachWay(t *testing.T, test func(t *testing.T, add func(testing.TB, *notify.Notifier, uint64))) {
	ofAnySize(t, test)
	if rawefd.HasDoorbell {
		t.Run("handle", func(t *testing.T) { test(t, mustSignal) })
	}
}

// ofAnySize is eachWay for counts that are too large for a handle.
func ofAnySize(t *testing.T, test func(t *testing.T, add func(testing.TB, *notify.Notifier, uint64))) {
	for _, way := range anySize {
		t.Run(way.name, func(t *testing.T) { test(t, way.add) })
	}
}

func mustSignal(t testing.TB, n *notify.Notifier, delta uint64) {
	t.Helper()
	if !handletest.Signal(n.Handle(), delta) {
		t.Fatalf("a signal of %d through the handle came too late", delta)
	}
}

func wantWait(t *testing.T, n *notify.Notifier, want uint64) {
	t.Helper()
	if got, err := n.Wait(background); got != want || err != nil {
		t.Errorf("Wait = %d, %v; want %d", got, err, want)
	}
}

func wantCount(t *testing.T, n *notify.Notifier, want uint64) {
	t.Helper()
	got, err := n.Count()
	hammer.Counted(t, err)
	if got != want || err != nil {
		t.Errorf("Count = %d, %v; want %d", got, err, want)
	}
}

func wantIs(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s = %v, want an error that matches %q", what, err, want)
	}
}

// An arrival is the result with which a waiter woke up.
type arrival struct {
	waiter int
	count  uint64
	err    error
}

// startWaiters starts one goroutine per context that calls Wait, each only when the one before it is
// waiting.
func startWaiters(n *notify.Notifier, ctxs []context.Context) <-chan arrival {
	arrivals := make(chan arrival, len(ctxs))
	for i, ctx := range ctxs {
		go func() {
			count, err := n.Wait(ctx)
			arrivals <- arrival{i, count, err}
		}()
		for notify.Waiting(n) != i+1 {
			runtime.Gosched()
		}
	}
	return arrivals
}

func contexts(n int) []context.Context {
	ctxs := make([]context.Context, n)
	for i := range ctxs {
		ctxs[i] = background
	}
	return ctxs
}
