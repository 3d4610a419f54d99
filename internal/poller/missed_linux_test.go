package poller_test

import (
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/poller"
	"github.com/eventchan/eventchan/internal/rawefd"
)

// If the first answer of the kernel misses that a descriptor is ready, as that of older kernels can,
// Rearm and a second watch report it nevertheless.
func TestMissedReadinessIsAnEdge(t *testing.T) {
	r, w := pipe(t)
	if _, err := unix.Write(w, []byte("x")); err != nil {
		t.Fatal(err)
	}
	var first, second target
	watch, err := poller.NewWatch(r, rawefd.EventIn, &first)
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Close()
	for name, c := range map[string]struct {
		edges *int
		call  func() error
	}{
		"Rearm": {&first.edges, watch.Rearm},
		"NewWatch": {&second.edges, func() error {
			another, err := poller.NewWatch(r, rawefd.EventIn, &second)
			if err == nil {
				t.Cleanup(another.Close)
			}
			return err
		}},
	} {
		before := *c.edges
		restore := missOnce(t, r)
		err := c.call()
		restore()
		if got := *c.edges - before; got != 1 || err != nil {
			t.Errorf("%s = %v, and %d edges, want 1", name, err, got)
		}
	}
}

// missOnce makes the next epoll_wait miss that r is ready, and a poll(2) after it see that.
func missOnce(t *testing.T, r int) (restore func()) {
	t.Helper()
	epoll := -1
	modify := func(bits uint32) {
		if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_MOD, r, &unix.EpollEvent{Events: bits, Fd: int32(r)}); err != nil {
			t.Error(err)
		}
	}
	return rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		switch {
		case c.Name == "epoll_pwait" && epoll < 0:
			epoll = c.Num
			modify(rawefd.EventOneShot)
		case c.Name == "poll" && c.Num == epoll:
			modify(rawefd.EventIn | rawefd.EventOneShot)
		}
		return 0
	})
}
