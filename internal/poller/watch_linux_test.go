package poller_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/poller"
	"github.com/eventchan/eventchan/internal/rawefd"
)

// A target counts edges.
type target struct{ edges int }

func (c *target) Edge(uint32)       { c.edges++ }
func (c *target) Level(uint32) bool { return false }
func (c *target) Changed(uint32)    {}

// pipe returns the two ends of a pipe that the test closes.
func pipe(t *testing.T) (r, w int) {
	t.Helper()
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unix.Close(ends[0])
		unix.Close(ends[1])
	})
	return ends[0], ends[1]
}

// Closing a watch moves at most one other in the item's list, in whatever order they are
// closed.
func TestClosingOneOfManyWatchesOfADescriptor(t *testing.T) {
	r, _ := pipe(t)
	type watch struct {
		*poller.Watch
		target target
	}
	var open []*watch
	for range 200 {
		w := &watch{}
		var err error
		if w.Watch, err = poller.NewWatch(r, rawefd.EventIn, &w.target); err != nil {
			t.Fatal(err)
		}
		open = append(open, w)
	}
	places := func() map[*watch]int {
		m := make(map[*watch]int)
		for _, w := range open {
			at, there := w.Place()
			if !there {
				t.Fatalf("a watch is not in its place, %d, with %d watches", at, len(open))
			}
			m[w] = at
		}
		return m
	}
	for len(open) > 0 {
		before := places()
		i := rand.IntN(len(open))
		open[i].Close()
		open[i].Close() // does nothing
		open = slices.Delete(open, i, i+1)
		moved := 0
		for w, at := range places() {
			if before[w] != at {
				moved++
			}
		}
		if moved > 1 {
			t.Fatalf("closing one of %d watches moved %d others, want 1 at most", len(before), moved)
		}
	}
}

// If others are closed, each remaining watch still reports what is ready.
func TestWatchesLeftByOthersHear(t *testing.T) {
	r, w := pipe(t)
	if _, err := unix.Write(w, []byte("x")); err != nil {
		t.Fatal(err)
	}
	var targets [5]target
	var watches [5]*poller.Watch
	for i := range targets {
		var err error
		if watches[i], err = poller.NewWatch(r, rawefd.EventIn, &targets[i]); err != nil {
			t.Fatal(err)
		}
	}
	for _, i := range []int{0, 4, 2} {
		watches[i].Close()
	}
	for i, watch := range watches {
		before := targets[i].edges
		err := watch.Rearm()
		if closed := i%2 == 0; closed != errors.Is(err, os.ErrClosed) || !closed && targets[i].edges != before+1 {
			t.Errorf("watch %d: Rearm = %v, and %d edges", i, err, targets[i].edges-before)
		}
	}
	watches[1].Close()
	watches[3].Close()
}

// Events that could not be fetched are handed out later.
func TestEdgesAreFetchedAgain(t *testing.T) {
	r, w := pipe(t)
	edges := make(signaled, 10)
	watch, err := poller.NewWatch(r, rawefd.EventIn, edges)
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Close()
	var failures atomic.Int64
	defer rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		if c.Name == "epoll_pwait" && failures.Add(1) <= 3 {
			return unix.EIO
		}
		return 0
	})()
	if _, err := unix.Write(w, []byte("x")); err != nil {
		t.Fatal(err)
	}
	for failures.Load() < 4 { // a kernel can make an edge for nothing before the write
		soon(t, edges)
	}
}

// leveled is a target that counts levels.
type leveled struct{ levels int }

func (l *leveled) Edge(uint32)       {}
func (l *leveled) Level(uint32) bool { l.levels++; return true }
func (l *leveled) Changed(uint32)    {}

// A new watch of a ready descriptor does not call the others' Level, unless their Look has
// found nothing.
func TestNewWatchDisturbsNoOther(t *testing.T) {
	r, w := pipe(t)
	var first leveled
	watch, err := poller.NewWatch(r, rawefd.EventIn, &first)
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Close()
	open := func(what string, want int) {
		t.Helper()
		another, err := poller.NewWatch(r, rawefd.EventIn, &leveled{})
		if err != nil {
			t.Fatal(err)
		}
		defer another.Close()
		if first.levels != want {
			t.Errorf("%s: the first watch was called with %d levels, want %d", what, first.levels, want)
		}
	}
	if _, err := unix.Write(w, []byte("x")); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		open("it has not looked", 0)
	}
	if ready, err := watch.Look(); ready != rawefd.EventIn || err != nil || first.levels != 1 {
		t.Errorf("Look = %#x, %v, and %d levels; want EPOLLIN and 1", ready, err, first.levels)
	}
	open("it has looked and found something", 1)
}

// A watch that is closed after its Look is not called any more, while others are.
func TestClosedWatchThatHasLookedHearsNothing(t *testing.T) {
	r, w := pipe(t)
	var targets [2]leveled
	var watches [2]*poller.Watch
	for i := range watches {
		var err error
		if watches[i], err = poller.NewWatch(r, rawefd.EventIn, &targets[i]); err != nil {
			t.Fatal(err)
		}
		if ready, err := watches[i].Look(); ready != 0 || err != nil {
			t.Fatalf("Look at an empty pipe = %#x, %v; want 0", ready, err)
		}
	}
	defer watches[1].Close()
	watches[0].Close()
	if _, err := unix.Write(w, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if ready, err := watches[1].Look(); ready != rawefd.EventIn || err != nil {
		t.Errorf("Look = %#x, %v; want EPOLLIN", ready, err)
	}
	if targets[0].levels != 0 || targets[1].levels == 0 {
		t.Errorf("the closed watch was called with %d levels, the other with %d; want 0 and at least 1", targets[0].levels, targets[1].levels)
	}
}

// signaled is a target that sends a value for each edge.
type signaled chan int

func (c signaled) Edge(uint32)       { c <- 1 }
func (c signaled) Level(uint32) bool { return false }
func (c signaled) Changed(uint32)    {}
