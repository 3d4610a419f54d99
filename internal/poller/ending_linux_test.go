package poller_test

import (
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/poller"
	"github.com/eventchan/eventchan/internal/rawefd"
)

// A program that registers and closes again and again has few descriptors at any time, although
// other goroutines close the epoll instances, and do not run before this one lets them.
func TestInstancesThatEndDoNotAddUp(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	r, _ := pipe(t)
	f := mustNew(t)
	watch := func() {
		w, err := poller.NewWatch(r, rawefd.EventIn, &target{})
		if err != nil {
			t.Fatal(err)
		}
		w.Close()
	}
	arm := func() {
		s := poller.NewSource(f.Number(), handler(func() {}))
		if err := s.Arm(); err != nil {
			t.Fatal(err)
		}
		s.Close()
	}
	for what, again := range map[string]func(){
		"watches":             watch,
		"sources":             arm,
		"watches and sources": func() { watch(); arm() },
	} {
		var dups []int
		for range 3000 {
			again()
			dup, err := unix.FcntlInt(uintptr(r), unix.F_DUPFD_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			unix.Close(dup)
			dups = append(dups, dup)
		}
		if lowest, highest := slices.Min(dups), slices.Max(dups); highest > lowest+30 {
			t.Errorf("%s: the next descriptor was between %d and %d", what, lowest, highest)
		}
	}
}
