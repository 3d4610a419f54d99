package rawefd_test

import (
	"errors"
	"math"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
)

func nothing() {}

func mustNew(t testing.TB, count uint64, semaphore bool) *rawefd.FD {
	t.Helper()
	f, err := rawefd.New(count, semaphore)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close(nothing) })
	return f
}

func wantTake(t *testing.T, f *rawefd.FD, want uint64) {
	t.Helper()
	if got, err := f.Take(); got != want || err != nil {
		t.Errorf("Take = %d, %v; want %d", got, err, want)
	}
}

func wantCount(t *testing.T, f *rawefd.FD, want uint64) {
	t.Helper()
	got, err := f.Count()
	hammer.Counted(t, err)
	if got != want || err != nil {
		t.Errorf("Count = %d, %v; want %d", got, err, want)
	}
}

// takeWays runs a test with RWF_NOWAIT and without.
func takeWays(t *testing.T, test func(t *testing.T)) {
	t.Run("Nowait", test)
	t.Run("Polled", func(t *testing.T) {
		rawefd.SetNoNowait(true)
		defer rawefd.SetNoNowait(false)
		test(t)
	})
}

func TestCountingTakesTheSum(t *testing.T) {
	takeWays(t, func(t *testing.T) {
		f := mustNew(t, 0, false)
		wantTake(t, f, 0)
		for _, delta := range []uint64{1, 3, 6, 11, 5000} {
			if err := f.Add(delta); err != nil {
				t.Fatal(err)
			}
		}
		wantCount(t, f, 5021)
		wantTake(t, f, 5021)
		wantTake(t, f, 0)
	})
}

func TestSemaphoreTakesOne(t *testing.T) {
	takeWays(t, func(t *testing.T) {
		f := mustNew(t, 2, true)
		for _, want := range []uint64{1, 1, 0} {
			wantTake(t, f, want)
		}
	})
}

// New does not cut off counts of more than the 32 bits that eventfd2 takes.
func TestNewHoldsLargeCounts(t *testing.T) {
	for _, count := range []uint64{0, 1, math.MaxUint32 - 1, math.MaxUint32, math.MaxUint32 + 1, 1<<33 + 7, rawefd.MaxCount} {
		f := mustNew(t, count, false)
		wantTake(t, f, count)
	}
}

func TestAddPastMaximumAddsNothing(t *testing.T) {
	for _, nonblock := range []bool{true, false} {
		if !nonblock {
			hammer.NeedsCount(t) // otherwise Add cannot know that a write of 6 would block
		}
		f := mustNew(t, rawefd.MaxCount-5, false)
		if err := unix.SetNonblock(f.Number(), nonblock); err != nil {
			t.Fatal(err)
		}
		if !nonblock {
			f = adoptDup(t, f)
		}
		add := f.Add
		if f.Blocking() {
			add = f.AddIfWritable
		}
		for _, delta := range []uint64{6, rawefd.MaxCount, math.MaxUint64} {
			if err := add(delta); err != rawefd.ErrFull {
				t.Errorf("nonblock %v: Add(%d) = %v, want ErrFull", nonblock, delta, err)
			}
		}
		if err := add(5); err != nil {
			t.Errorf("nonblock %v: Add(5) = %v with room for 5", nonblock, err)
		}
		if err := add(1); err != rawefd.ErrFull {
			t.Errorf("nonblock %v: Add(1) = %v at the maximum, want ErrFull", nonblock, err)
		}
		wantTake(t, f, rawefd.MaxCount)
	}
}

func adoptDup(t *testing.T, f *rawefd.FD) *rawefd.FD {
	t.Helper()
	dup, err := unix.FcntlInt(uintptr(f.Number()), unix.F_DUPFD, 0)
	if err != nil {
		t.Fatal(err)
	}
	g, err := rawefd.Adopt(dup, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close(nothing) })
	return g
}

func TestBlockingEventfdIsTakenWithoutBlocking(t *testing.T) {
	takeWays(t, func(t *testing.T) {
		f := mustNew(t, 0, false)
		if err := unix.SetNonblock(f.Number(), false); err != nil {
			t.Fatal(err)
		}
		g := adoptDup(t, f)
		wantTake(t, g, 0)
		if err := g.Add(7); err != nil {
			t.Fatal(err)
		}
		wantTake(t, g, 7)
		flags, err := unix.FcntlInt(uintptr(g.Number()), unix.F_GETFL, 0)
		if err != nil || flags&unix.O_NONBLOCK != 0 {
			t.Errorf("flags %#x, %v: O_NONBLOCK was set on a shared descriptor", flags, err)
		}
	})
}

func TestAdoptRefuses(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	file, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	counting, semaphore := mustNew(t, 0, false), mustNew(t, 0, true)
	modes := rawefd.ShowsMode(counting.Number())
	for _, c := range []struct {
		name      string
		num       int
		semaphore bool
		want      error
		text      string
	}{
		{"negative", -1, false, os.ErrInvalid, "descriptor number -1 is out of range"},
		{"past 32 bits", past32(counting.Number()), false, os.ErrInvalid, "out of range"},
		{"not open", 1 << 20, false, syscall.EBADF, "fcntl"},
		{"pipe", int(w.Fd()), false, os.ErrInvalid, "not an eventfd"},
		{"regular file", int(file.Fd()), false, os.ErrInvalid, "not an eventfd"},
		{"counting mode", counting.Number(), true, os.ErrInvalid, "eventfd is in counting mode"},
		{"semaphore mode", semaphore.Number(), false, os.ErrInvalid, "eventfd is in semaphore mode"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.want == os.ErrInvalid && !modes && (c.num == counting.Number() || c.num == semaphore.Number()) {
				t.Skip("this kernel does not show an eventfd's mode (before 6.5)")
			}
			f, err := rawefd.Adopt(c.num, c.semaphore)
			if f != nil || !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("Adopt = %v, %v; want an error that matches %v and has %q", f, err, c.want, c.text)
			}
		})
	}
	if _, err := unix.FcntlInt(w.Fd(), unix.F_GETFD, 0); err != nil {
		t.Errorf("the refused descriptor is gone: %v", err)
	}
}

// past32 returns an int that the kernel, which takes 32 bits, would cut to n, or -1
// if int has only 32 bits. Neither is a valid number.
func past32(n int) int {
	if strconv.IntSize == 32 {
		return -1
	}
	return n | 1<<(strconv.IntSize-32)
}
