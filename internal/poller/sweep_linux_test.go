package poller_test

import (
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/poller"
	"github.com/eventchan/eventchan/internal/rawefd"
)

// open returns an eventfd, and a watch of it. Its number is the first from least on that is free.
func open(t *testing.T, least int) (num int, w *poller.Watch) {
	t.Helper()
	num, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	if lower := num; lower < least {
		num, err = unix.FcntlInt(uintptr(lower), unix.F_DUPFD_CLOEXEC, least)
		unix.Close(lower)
		if err != nil {
			t.Fatal(err)
		}
	}
	if w, err = poller.NewWatch(num, rawefd.EventIn, &target{}); err != nil {
		t.Fatal(err)
	}
	return num, w
}

// stays is open until the end of the test.
func stays(t *testing.T) {
	t.Helper()
	num, w := open(t, 0)
	t.Cleanup(func() { w.Close(); unix.Close(num) })
}

// closeFirst opens n descriptors with watches, and closes the descriptors before the watches.
func closeFirst(t *testing.T, n int) {
	t.Helper()
	if n == 0 {
		return
	}
	num, w := open(t, 0)
	defer w.Close()
	closeFirst(t, n-1)
	unix.Close(num)
}

// countOpens counts how often a file is opened, and makes that fail if errno is not 0.
func countOpens(t *testing.T, errno syscall.Errno) (opens *int) {
	opens = new(int)
	t.Cleanup(rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		if c.Name == "open" {
			*opens++
			return errno
		}
		return 0
	}))
	return opens
}

// needsLists skips the test if the system does not list registrations.
func needsLists(t *testing.T) {
	t.Helper()
	e, err := rawefd.NewEpoll()
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	r, _ := pipe(t)
	if err := e.Add(r, rawefd.EventIn, 0); err != nil {
		t.Fatal(err)
	}
	if listed, err := e.Numbers(); !listed[r] {
		t.Skipf("the system does not list registrations: %v, %v", listed, err)
	}
}

// If descriptors are always closed before their watches, and some watches last, the number of sets
// does not grow with them.
func TestDescriptorsThatCloseFirstTakeFewSets(t *testing.T) {
	needsLists(t)
	for lasting := range 60 {
		for range 10 {
			closeFirst(t, 5)
		}
		stays(t) // in the first set that does not have the number
		if got := poller.Sets(); got > 4 {
			t.Fatalf("%d sets with %d watches, want 4 at most", got, lasting+1)
		}
	}
}

// Each death of an item pays for a limited part of a sweep.
func TestSweepsAreRare(t *testing.T) {
	const lasting, rounds = 320, 100
	for range lasting {
		stays(t)
	}
	opens := countOpens(t, 0)
	for range rounds {
		closeFirst(t, 1)
	}
	if most := 2 * 2 * (rounds*16/lasting + 1); *opens > most { // two lists for each of two sets
		t.Errorf("/proc was read %d times for %d items that have died, want %d times at most", *opens, rounds, most)
	}
}

// reopened opens the number of a closed descriptor again, and fails unless that takes a second set.
func reopened(t *testing.T, num int, why string) {
	t.Helper()
	again, w := open(t, num)
	t.Cleanup(func() { unix.Close(again); w.Close() })
	if got := poller.Sets(); again != num || got != 2 {
		t.Errorf("%d sets for descriptors %d and %d, want 2 for the same number: %s", got, num, again, why)
	}
}

// While a duplicate keeps the file of a dead item open, its number goes into another set.
func TestSweepLeavesNumbersOfDuplicates(t *testing.T) {
	stays(t)
	num, w := open(t, 0)
	dup, err := unix.FcntlInt(uintptr(num), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(dup)
	unix.Close(num)
	w.Close()
	reopened(t, num, "a registration of the number lives on")
}

// A watch that is not closed yet keeps its number out of the set, even if its descriptor is.
// Otherwise its Close would delete the registration of the next one.
func TestSweepLeavesWatchesThatAreOpen(t *testing.T) {
	stays(t)
	num, w := open(t, 0)
	defer w.Close()
	closeFirst(t, 1) // there is something to sweep
	unix.Close(num)
	reopened(t, num, "a watch of it is open")
}

// If nothing is listed, nothing is forgotten.
func TestEmptyListProvesNothing(t *testing.T) {
	last, lasts := open(t, 0)
	defer lasts.Close()
	num, w := open(t, last)
	unix.Close(last)
	unix.Close(num)
	w.Close()
	reopened(t, num, "the system might not list registrations")
}

// Without /proc, descriptors that close first are watched as before.
func TestWatchWithoutProc(t *testing.T) {
	stays(t)
	opens := countOpens(t, unix.ENOENT)
	for range 10 {
		closeFirst(t, 2)
		r, w := pipe(t)
		wantHeard(t, r, w)
	}
	if *opens == 0 {
		t.Error("/proc was not read")
	}
}

// A number whose registration could not be undone is swept as well.
func TestNumbersThatAreNotUndoneTakeFewSets(t *testing.T) {
	needsLists(t)
	stays(t)
	for round := range 3 { // at first, other tests can have left something to sweep
		num, w := open(t, 0)
		w.Close()
		_, restore := failAt("epoll_ctl", 2, unix.EPOLL_CTL_DEL)
		failed, err := poller.NewWatch(num, rawefd.EventIn, &target{})
		restore()
		unix.Close(num)
		if err == nil {
			failed.Close()
			t.Fatal("NewWatch = nil, want an error")
		}
		again, w := open(t, num)
		if got := poller.Sets(); again != num || got != 1 {
			t.Errorf("round %d: %d sets for descriptors %d and %d, want 1 for the same number", round, got, num, again)
		}
		w.Close()
		unix.Close(again)
	}
}
