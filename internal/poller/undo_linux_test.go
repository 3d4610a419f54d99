package poller_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/poller"
	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/leaktest"
)

// failAt makes the system call number at of a name fail, and after that every epoll_ctl of the
// operation undo.
func failAt(name string, at int64, undo uintptr) (failed *atomic.Bool, restore func()) {
	failed = new(atomic.Bool)
	var calls atomic.Int64
	restore = rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		switch {
		case failed.Load() && c.Name == "epoll_ctl" && c.Arg == undo:
			return unix.EIO
		case c.Name == name && calls.Add(1) == at:
			failed.Store(true)
			return unix.EIO
		}
		return 0
	})
	return failed, restore
}

// mountinfo returns a file that reports an event to only one poll.
func mountinfo(t *testing.T) int {
	t.Helper()
	num, err := unix.Open("/proc/self/mountinfo", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { unix.Close(num) })
	return num
}

// A NewWatch that fails leaves nothing behind, whichever of its system calls fails, and it
// succeeds if it is tried again.
func TestWatchThatFailsLeavesNothing(t *testing.T) {
	r, _ := pipe(t)
	before := leaktest.Baseline()
	eachFailure(t, "a pipe", before, func() (*poller.Watch, error) {
		return poller.NewWatch(r, rawefd.EventIn, &target{})
	})
	num := mountinfo(t)
	eachFailure(t, "a file of proc", leaktest.Baseline(), func() (*poller.Watch, error) {
		return poller.NewWatch(num, rawefd.EventPri, &target{})
	})
}

// eachFailure makes each call of each name fail once, until try makes no more such calls.
func eachFailure(t *testing.T, what string, before []string, try func() (*poller.Watch, error)) {
	t.Helper()
	for _, name := range []string{"epoll_create1", "epoll_ctl", "epoll_pwait", "fcntl", "fstatfs", "poll"} {
		for at := int64(1); ; at++ {
			failed, restore := failAt(name, at, noUndo)
			w, err := try()
			restore()
			if err != nil {
				if !errors.Is(err, unix.EIO) {
					t.Errorf("%s: with failure %d of %s NewWatch = %v, want EIO", what, at, name, err)
				}
			} else {
				w.Close()
			}
			if err := leaktest.Check(before); err != nil {
				t.Fatalf("%s: after failure %d of %s: %v", what, at, name, err)
			}
			if w, err := try(); err != nil {
				t.Errorf("%s: after failure %d of %s NewWatch = %v", what, at, name, err)
			} else {
				w.Close()
			}
			if !failed.Load() {
				break
			}
		}
	}
}

// noUndo is not an operation of epoll_ctl.
const noUndo = 0

// kept watches another descriptor, so that the set stays for the next watch.
func kept(t *testing.T) {
	t.Helper()
	r, _ := pipe(t)
	w, err := poller.NewWatch(r, rawefd.EventIn, &target{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
}

// wantHeard fails the test unless a new watch of r reports a write to w.
func wantHeard(t *testing.T, r, w int) {
	t.Helper()
	edges := make(signaled, 10)
	watch, err := poller.NewWatch(r, rawefd.EventIn, edges)
	if err != nil {
		t.Fatalf("NewWatch = %v, want it to succeed", err)
	}
	defer watch.Close()
	if _, err := unix.Write(w, []byte("x")); err != nil {
		t.Fatal(err)
	}
	soon(t, edges)
}

// A number whose first registration was undone can be registered in the set again.
func TestUndoneRegistrationFreesItsPlace(t *testing.T) {
	kept(t)
	r, w := pipe(t)
	_, restore := failAt("epoll_ctl", 2, noUndo) // the first call registers in edges
	_, err := poller.NewWatch(r, rawefd.EventIn, &target{})
	restore()
	if !errors.Is(err, unix.EIO) {
		t.Fatalf("NewWatch = %v, want EIO", err)
	}
	var instances atomic.Int64
	defer rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		if c.Name == "epoll_create1" {
			instances.Add(1)
		}
		return 0
	})()
	wantHeard(t, r, w)
	if got := instances.Load(); got != 0 {
		t.Errorf("the next watch opened %d epoll instances, want 0, because there is a set", got)
	}
}

// A number that could not be deleted keeps its place, and the next watch of the number
// goes into another set.
func TestNumberThatIsNotDeletedKeepsItsPlace(t *testing.T) {
	for name, watchAndFail := range map[string]func(t *testing.T, r int){
		"undo": func(t *testing.T, r int) {
			_, restore := failAt("epoll_ctl", 2, unix.EPOLL_CTL_DEL)
			defer restore()
			if _, err := poller.NewWatch(r, rawefd.EventIn, &target{}); !errors.Is(err, unix.EIO) {
				t.Errorf("NewWatch = %v, want EIO", err)
			}
		},
		"the last drain": func(t *testing.T, r int) {
			defer rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
				if c.Name == "epoll_pwait" || c.Name == "epoll_ctl" && c.Arg == unix.EPOLL_CTL_DEL {
					return unix.EIO
				}
				return 0
			})()
			if _, err := poller.NewWatch(r, rawefd.EventIn, &target{}); !errors.Is(err, unix.EIO) {
				t.Errorf("NewWatch = %v, want EIO", err)
			}
		},
		"edges":  func(t *testing.T, r int) { closeAndFail(t, r, 1) },
		"levels": func(t *testing.T, r int) { closeAndFail(t, r, 2) },
	} {
		t.Run(name, func(t *testing.T) {
			kept(t)
			r, w := pipe(t)
			watchAndFail(t, r)
			wantHeard(t, r, w)
			wantHeard(t, r, w)
		})
	}
}

// A watch that could not be opened is not called, even though its number keeps its place and is
// watched again.
func TestWatchThatFailsHearsNothing(t *testing.T) {
	kept(t)
	r, w := pipe(t)
	restore := rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		if c.Name == "epoll_pwait" || c.Name == "epoll_ctl" && c.Arg == unix.EPOLL_CTL_DEL {
			return unix.EIO
		}
		return 0
	})
	failed := make(signaled, 10)
	_, err := poller.NewWatch(r, rawefd.EventIn, failed)
	restore()
	if !errors.Is(err, unix.EIO) {
		t.Fatalf("NewWatch = %v, want EIO", err)
	}
	wantHeard(t, r, w)
	if len(failed) > 0 {
		t.Error("a watch was called with an edge, though NewWatch returned an error")
	}
}

// closeAndFail closes a watch of r. One of its two deletions fails.
func closeAndFail(t *testing.T, r int, deletion int64) {
	watch, err := poller.NewWatch(r, rawefd.EventIn, &target{})
	if err != nil {
		t.Fatal(err)
	}
	failed, restore := failAt("epoll_ctl", deletion, noUndo)
	defer restore()
	watch.Close()
	if !failed.Load() {
		t.Errorf("Close made fewer than %d calls of epoll_ctl", deletion)
	}
}

// If MustArm fails, Ready is called, again and again, until arming succeeds. Then the
// Source is watched.
func TestMustArmIsTriedAgain(t *testing.T) {
	const failures = 3
	failed := fail(t, "epoll_ctl", unix.ENOMEM, failures)
	f := mustNew(t)
	calls := make(chan int, 100)
	var mu sync.Mutex // the owner calls one method at a time
	var s poller.Source
	mustArm := func() {
		mu.Lock()
		defer mu.Unlock()
		s.MustArm()
	}
	s = poller.NewSource(f.Number(), handler(func() {
		mustArm()
		calls <- 1
	}))
	mustArm()
	for range failures {
		soon(t, calls)
	}
	if got := failed.Load(); got != failures+1 {
		t.Errorf("epoll_ctl was called %d times, want %d that fail and one that does not", got, failures)
	}
	mustAdd(t, f)
	soon(t, calls)
	mu.Lock()
	defer mu.Unlock()
	s.Close()
}
