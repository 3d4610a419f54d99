//go:build !linux

package notify_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/notify"
)

// wantUnsupported fails the test unless err matches errors.ErrUnsupported and names the package and the
// call.
func wantUnsupported(t *testing.T, call string, err error) {
	t.Helper()
	if !errors.Is(err, errors.ErrUnsupported) || !strings.HasPrefix(err.Error(), "notify: "+call) {
		t.Errorf("%s = %v, want an error of notify that matches errors.ErrUnsupported and names the call", call, err)
	}
}

func TestDescriptorsAreUnsupported(t *testing.T) {
	n := mustNew(t)
	for range 2 {
		if fd := n.FD(); fd != -1 {
			t.Errorf("FD = %d, want -1", fd)
		}
		file, err := n.File()
		if file != nil {
			t.Error("File returns a file, want none")
		}
		wantUnsupported(t, "File", err)
	}
	m, err := notify.FromFD(7)
	if m != nil {
		t.Error("FromFD returns a Notifier, want none")
	}
	wantUnsupported(t, "FromFD", err)
	m, err = notify.FromProcess(os.Getpid(), 7)
	if m != nil {
		t.Error("FromProcess returns a Notifier, want none")
	}
	wantUnsupported(t, "FromProcess", err)
}

// Calls that this system does not support change nothing in a Notifier: waiters and C receive the whole
// count.
func TestAskingForADescriptorChangesNothing(t *testing.T) {
	n := mustNew(t)
	mustAdd(t, n, notify.MaxCount) // more than a state word holds
	n.FD()
	wantCount(t, n, notify.MaxCount)
	wantWait(t, n, notify.MaxCount)
	arrivals := startWaiters(n, contexts(2))
	n.FD()
	n.File()
	n.Handle()
	for waiter := range 2 {
		if err := n.Notify(); err != nil {
			t.Errorf("Notify = %v", err)
		}
		if got := <-arrivals; got.waiter != waiter || got.count != 1 || got.err != nil {
			t.Errorf("waiter %d got %d, %v; want waiter %d to get 1", got.waiter, got.count, got.err, waiter)
		}
	}
	c := n.C()
	n.FD()
	n.Handle()
	mustAdd(t, n, 5)
	if got, ok := n.TryWait(); got != 5 || !ok {
		t.Errorf("TryWait = %d, %v; want 5, true", got, ok)
	}
	mustAdd(t, n, 6)
	if got := <-c; got != 6 {
		t.Errorf("C gave %d, want 6", got)
	}
	if err := n.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
}

func TestHandleIsNilWithoutADoorbell(t *testing.T) {
	if h := mustNew(t).Handle(); (h != nil) != rawefd.HasDoorbell {
		t.Errorf("Handle = %p, want a handle: %v", h, rawefd.HasDoorbell)
	}
}
