package poller_test

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/poller"
	"github.com/eventchan/eventchan/internal/rawefd"
)

// An open file can be watched under at least 250 numbers. If the kernel allows no more, the
// error names the kernel's limit and still matches the errno.
func TestTooManyWakeUpPathsAreNamed(t *testing.T) {
	const least = 250
	r, _ := pipe(t)
	var watches []*poller.Watch
	var err error
	for len(watches) <= 2*least && err == nil {
		num, dupErr := unix.FcntlInt(uintptr(r), unix.F_DUPFD_CLOEXEC, 0)
		if dupErr != nil {
			t.Fatal(dupErr)
		}
		defer unix.Close(num)
		var w *poller.Watch
		if w, err = poller.NewWatch(num, rawefd.EventIn, &target{}); err == nil {
			watches = append(watches, w)
		}
	}
	for _, w := range watches {
		w.Close()
	}
	if len(watches) < least || !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "wake-up paths") {
		t.Errorf("error %v after %d watches, want at least %d, then EINVAL and the name of the limit", err, len(watches), least)
	}
}

// One number can be watched for every event mask. Each mask takes a pair of epoll instances.
func TestEverySetOfEventsCanBeWatched(t *testing.T) {
	r, _ := pipe(t)
	for bits := range uint32(64) {
		w, err := poller.NewWatch(r, bits&0x1f|bits&0x20<<8, &target{}) // all of bridge.Events
		if err != nil {
			t.Fatalf("event mask %d: %v", bits, err)
		}
		defer w.Close()
	}
}

// The error of too many watches names the kernel's limit. That limit is shared by all processes
// of a user, so this test must not reach it.
func TestTooManyWatchesAreNamed(t *testing.T) {
	r, _ := pipe(t)
	fail(t, "epoll_ctl", unix.ENOSPC, 1<<62)
	_, err := poller.NewWatch(r, rawefd.EventIn, &target{})
	if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "fs.epoll.max_user_watches") {
		t.Errorf("error %v, want ENOSPC and the name of the limit", err)
	}
}
