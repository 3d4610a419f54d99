//go:build !linux

package semaphore_test

import (
	"context"
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/semaphore"
)

// wantUnsupported fails the test unless err matches errors.ErrUnsupported and names the package
// and the call.
func wantUnsupported(t *testing.T, call string, err error) {
	t.Helper()
	if !errors.Is(err, errors.ErrUnsupported) || !strings.HasPrefix(err.Error(), "semaphore: "+call) {
		t.Errorf("%s = %v, want an error of semaphore that matches errors.ErrUnsupported and names the call", call, err)
	}
}

func TestDescriptorsAreUnsupported(t *testing.T) {
	s := mustNew(t, 1)
	for range 2 {
		if fd := s.FD(); fd != -1 {
			t.Errorf("FD = %d, want -1", fd)
		}
		file, err := s.File()
		if file != nil {
			t.Error("File returns a file, want none")
		}
		wantUnsupported(t, "File", err)
	}
	o, err := semaphore.FromFD(7)
	if o != nil {
		t.Error("FromFD returns a Semaphore, want none")
	}
	wantUnsupported(t, "FromFD", err)
	o, err = semaphore.FromProcess(os.Getpid(), 7)
	if o != nil {
		t.Error("FromProcess returns a Semaphore, want none")
	}
	wantUnsupported(t, "FromProcess", err)
}

// Calls that this system does not support change nothing in a Semaphore: waiters and C get their
// permits.
func TestAskingForADescriptorChangesNothing(t *testing.T) {
	s := mustNew(t, math.MaxInt64) // more than a state word holds
	s.FD()
	wantCount(t, s, math.MaxInt64)
	mustAcquire(t, s, math.MaxInt64)
	c := newCrowd(s)
	several := c.join(background, 3)
	ctx, cancel := context.WithCancel(background)
	canceled := c.join(ctx, 1)
	one := c.join(background, 1)
	s.FD()
	s.File()
	s.Handle()
	cancel()
	c.want(t, canceled, context.Canceled)
	s.Release(3)
	c.want(t, several, nil)
	s.Release(1)
	c.want(t, one, nil)
	wantTry(t, s, 1, false)
	permits := s.C()
	s.FD()
	s.Release(1)
	<-permits
	s.Release(1)
	if err := s.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
}

func TestHandleIsNilWithoutADoorbell(t *testing.T) {
	if h := mustNew(t, 0).Handle(); (h != nil) != rawefd.HasDoorbell {
		t.Errorf("Handle = %p, want a handle: %v", h, rawefd.HasDoorbell)
	}
}
