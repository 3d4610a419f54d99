package poller_test

import (
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/poller"
	"github.com/eventchan/eventchan/internal/rawefd"
)

// wantFewDescriptors calls again many times and fails the test if the descriptors that are open
// after each call add up. Other goroutines close the epoll instances, and do not run before this one
// lets them.
func wantFewDescriptors(t *testing.T, what string, again func()) {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var dups []int
	for range 3000 {
		again()
		dup, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 0)
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

// A program that registers and closes again and again has few descriptors at any time.
func TestInstancesThatEndDoNotAddUp(t *testing.T) {
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
	wantFewDescriptors(t, "watches", watch)
	wantFewDescriptors(t, "sources", arm)
	wantFewDescriptors(t, "watches and sources", func() { watch(); arm() })
}

// Nor do the instances of a set into which one of two watches moves, and which it leaves again.
func TestSetsOfChangesDoNotAddUp(t *testing.T) {
	r, _ := pipe(t)
	var watches [2]*poller.Watch
	for i := range watches {
		var err error
		if watches[i], err = poller.NewWatch(r, rawefd.EventIn, &target{}); err != nil {
			t.Fatal(err)
		}
		defer watches[i].Close()
	}
	wantFewDescriptors(t, "changes", func() {
		for _, bits := range []uint32{rawefd.EventPri, rawefd.EventIn} {
			if err := watches[0].Change(bits); err != nil {
				t.Fatal(err)
			}
		}
	})
}
