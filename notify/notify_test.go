package notify_test

import (
	"context"
	"math"
	"os"
	"testing"

	"github.com/eventchan/eventchan/notify"
)

func TestWaitTakesTheSum(t *testing.T) {
	n := mustNew(t)
	for _, delta := range []uint64{1, 3, 6, 11, 5000} {
		mustAdd(t, n, delta)
	}
	wantCount(t, n, 5021)
	wantWait(t, n, 5021)
	wantCount(t, n, 0)
	if got, ok := n.TryWait(); ok {
		t.Errorf("TryWait = %d, true after Wait took all", got)
	}
	if err := n.Notify(); err != nil {
		t.Fatal(err)
	}
	if got, ok := n.TryWait(); got != 1 || !ok {
		t.Errorf("TryWait = %d, %v; want 1, true", got, ok)
	}
}

func TestAddZeroDoesNothing(t *testing.T) {
	n := mustNew(t)
	mustAdd(t, n, 0)
	if got, ok := n.TryWait(); ok {
		t.Errorf("TryWait = %d, true after Add(0)", got)
	}
}

func TestOverflowAddsNothing(t *testing.T) {
	n := mustNew(t)
	mustAdd(t, n, notify.MaxCount-1)
	wantIs(t, "Add(2) at MaxCount-1", n.Add(2), notify.ErrOverflow)
	wantIs(t, "Add(MaxUint64)", n.Add(math.MaxUint64), notify.ErrOverflow)
	mustAdd(t, n, 1)
	wantIs(t, "Notify at MaxCount", n.Notify(), notify.ErrOverflow)
	wantWait(t, n, notify.MaxCount)
}

func TestWaitWithEndedContextTakesNothing(t *testing.T) {
	n := mustNew(t)
	mustAdd(t, n, 3)
	ctx, cancel := context.WithCancel(background)
	cancel()
	if got, err := n.Wait(ctx); got != 0 || err != context.Canceled {
		t.Errorf("Wait = %d, %v; want 0 and context.Canceled itself", got, err)
	}
	_, err := n.Wait(nil) //lint:ignore SA1012 a nil ctx is the bad input under test
	wantIs(t, "Wait(nil)", err, os.ErrInvalid)
	wantCount(t, n, 3)
}

func TestAfterClose(t *testing.T) {
	n := mustNew(t)
	mustAdd(t, n, 4)
	wantWait(t, n, 4)
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	_, waitErr := n.Wait(background)
	ctx, cancel := context.WithCancel(background)
	cancel()
	_, endedErr := n.Wait(ctx)
	_, countErr := n.Count()
	_, fileErr := n.File()
	for what, err := range map[string]error{
		"Notify": n.Notify(), "Add": n.Add(2), "Add(0)": n.Add(0), "Wait": waitErr, "Wait(ended)": endedErr,
		"Count": countErr, "File": fileErr, "Close": n.Close(),
	} {
		wantIs(t, what+" after Close", err, os.ErrClosed)
	}
	if got, ok := n.TryWait(); ok {
		t.Errorf("TryWait = %d, true after Close", got)
	}
	if fd := n.FD(); fd != -1 {
		t.Errorf("FD = %d after Close, want -1", fd)
	}
	if got, ok := <-n.C(); ok {
		t.Errorf("C gave %d after Close, want it closed", got)
	}
}
