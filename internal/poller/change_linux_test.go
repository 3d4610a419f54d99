package poller_test

import (
	"errors"
	"math/rand/v2"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/poller"
	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/leaktest"
)

// asking is a target for whose levels a goroutine is always waiting.
type asking struct{ edges, levels, changed uint32 }

func (a *asking) Edge(bits uint32)       { a.edges |= bits }
func (a *asking) Level(bits uint32) bool { a.levels |= bits; return true }
func (a *asking) Changed(bits uint32)    { a.changed = bits }

// A Change that fails leaves the watch as it was, whichever of its system calls fails. It
// succeeds if it is tried again, and then reports what is there.
func TestChangeThatFailsChangesNothing(t *testing.T) {
	r, w := pipe(t)
	if _, err := unix.Write(w, []byte("x")); err != nil {
		t.Fatal(err)
	}
	num := mountinfo(t)
	before := leaktest.Baseline()
	for what, c := range map[string]struct {
		num       int
		old, bits uint32
	}{
		"a pipe":                 {r, 0, rawefd.EventIn},
		"a file of proc":         {num, 0, rawefd.EventPri},
		"a file of proc, pulses": {num, rawefd.EventPri, rawefd.EventPri | rawefd.EventIn},
	} {
		for _, shared := range []bool{false, true} {
			for _, waiting := range []bool{false, true} {
				for _, name := range []string{"epoll_create1", "epoll_ctl", "epoll_pwait", "fcntl", "fstatfs", "poll"} {
					for at, more := int64(1), true; more; at++ {
						more = changeFails(t, c.num, c.old, c.bits, shared, waiting, name, at)
						if t.Failed() {
							t.Fatalf("%s, shared %v, waiting %v, failure %d of %s", what, shared, waiting, at, name)
						}
					}
				}
			}
		}
	}
	if err := leaktest.Check(before); err != nil {
		t.Error(err)
	}
}

// changeFails makes one system call of a Change fail, and reports whether Change has made that
// call.
func changeFails(t *testing.T, num int, old, bits uint32, shared, waiting bool, name string, at int64) bool {
	t.Helper()
	var a asking
	w, err := poller.NewWatch(num, old, &a)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if shared {
		other, err := poller.NewWatch(num, old, &target{})
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
	}
	if waiting {
		if _, err := w.Look(); err != nil {
			t.Fatal(err)
		}
	}
	a = asking{}
	failed, restore := failAt(name, at, noUndo)
	err = w.Change(bits)
	restore()
	if err != nil {
		if !errors.Is(err, unix.EIO) || a.changed != 0 {
			t.Errorf("Change = %v, and Changed(%#x); want EIO and 0", err, a.changed)
		}
		if err := w.Change(bits); err != nil {
			t.Errorf("Change = %v after one that failed", err)
		}
	}
	if a.changed != bits {
		t.Errorf("Changed(%#x), want %#x", a.changed, bits)
	}
	if ready, err := w.Look(); err != nil || bits&rawefd.EventIn&^ready != 0 {
		t.Errorf("Look = %#x, %v", ready, err)
	}
	return failed.Load()
}

// leveling is a target that sends the bits of each level to a channel.
type leveling chan uint32

func (c leveling) Edge(uint32)            {}
func (c leveling) Level(bits uint32) bool { c <- bits; return true }
func (c leveling) Changed(uint32)         {}

// After a Change that failed halfway, a waiter still receives the events for which it had
// asked.
func TestWaiterHearsAfterAChangeThatFails(t *testing.T) {
	r, end := pipe(t)
	levels := make(leveling, 10)
	w, err := poller.NewWatch(r, rawefd.EventIn, levels)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if ready, err := w.Look(); ready != 0 || err != nil {
		t.Fatalf("Look at an empty pipe = %#x, %v", ready, err)
	}
	failed := false
	restore := rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		if c.Name == "epoll_ctl" && failed {
			failed = false
			return unix.EIO
		}
		failed = c.Name == "epoll_ctl" // the second one fails
		return 0
	})
	err = w.Change(rawefd.EventPri)
	restore()
	if !errors.Is(err, unix.EIO) {
		t.Fatalf("Change = %v, want EIO", err)
	}
	if _, err := unix.Write(end, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if got := <-levels; got != rawefd.EventIn {
		t.Errorf("a level of %#x, want EPOLLIN", got)
	}
}

// However the watches of a number change, they take up at most one set per event mask.
func TestChangesTakeFewSets(t *testing.T) {
	r, _ := pipe(t)
	masks := []uint32{0, rawefd.EventIn, rawefd.EventPri}
	var watches [20]*poller.Watch
	for i := range watches {
		var err error
		if watches[i], err = poller.NewWatch(r, masks[i%3], &target{}); err != nil {
			t.Fatal(err)
		}
		defer watches[i].Close()
	}
	for range 1000 {
		if err := watches[rand.IntN(len(watches))].Change(masks[rand.IntN(3)]); err != nil {
			t.Fatal(err)
		}
		if got := poller.Sets(); got > len(masks) {
			t.Fatalf("%d sets for %d event masks", got, len(masks))
		}
	}
}

// A pulse that a Change takes from the file wakes a goroutine that waits, or is kept for the next
// Look.
func TestPulseThatAChangeTakesIsReported(t *testing.T) {
	num, _ := pipe(t)
	var waits asking
	var calm target
	for what, c := range map[string]struct {
		target poller.Target
		want   uint32
	}{
		"waiting":     {&waits, 0},
		"not waiting": {&calm, rawefd.EventPri},
	} {
		w, err := poller.NewWatch(num, rawefd.EventPri, c.target)
		if err != nil {
			t.Fatal(err)
		}
		poller.Moved(w, rawefd.EventPri)
		if got, err := w.Look(); got != c.want || err != nil {
			t.Errorf("%s: Look = %#x, %v; want %#x", what, got, err, c.want)
		}
		w.Close()
	}
	if waits.edges != rawefd.EventPri || waits.levels != rawefd.EventPri {
		t.Errorf("edges %#x and levels %#x, want EPOLLPRI", waits.edges, waits.levels)
	}
}
