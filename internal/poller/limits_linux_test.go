package poller_test

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/poller"
	"github.com/eventchan/eventchan/internal/rawefd"
)

// A limit of the kernel's is named, and the errno is still there to be matched. Each
// set of events of one descriptor takes another pair of epoll instances.
func TestTooManyWakeUpPathsAreNamed(t *testing.T) {
	r, _ := pipe(t)
	var watches []*poller.Watch
	var err error
	for len(watches) < 600 && err == nil {
		num, dupErr := unix.FcntlInt(uintptr(r), unix.F_DUPFD_CLOEXEC, 0)
		if dupErr != nil {
			t.Fatal(dupErr)
		}
		defer unix.Close(num)
		for _, bits := range []uint32{0, rawefd.EventIn} {
			var w *poller.Watch
			if w, err = poller.NewWatch(num, bits, &target{}); err != nil {
				break
			}
			watches = append(watches, w)
		}
	}
	for _, w := range watches {
		w.Close()
	}
	if !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "wake-up paths") {
		t.Errorf("error %v after %d watches, want EINVAL and the name of the limit", err, len(watches))
	}
}

// The limit of watches is one of the whole user's, so a test must not reach it.
func TestTooManyWatchesAreNamed(t *testing.T) {
	r, _ := pipe(t)
	fail(t, "epoll_ctl", unix.ENOSPC, 1<<62)
	_, err := poller.NewWatch(r, rawefd.EventIn, &target{})
	if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "fs.epoll.max_user_watches") {
		t.Errorf("error %v, want ENOSPC and the name of the limit", err)
	}
}
