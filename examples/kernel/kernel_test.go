//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/testing/leaktest"
	"github.com/eventchan/eventchan/notify"
)

// eachSignaler runs a test for every signaler that this kernel has.
func eachSignaler(t *testing.T, test func(*testing.T, signaler)) {
	for _, s := range signalers {
		t.Run(strings.ReplaceAll(s.name, " ", "-"), func(t *testing.T) {
			if _, err := s.run(limit(t), 1); errors.Is(err, errRefused) {
				skip(t, err)
			}
			test(t, s)
		})
	}
}

// limit returns a context that ends long after a test should have ended.
func limit(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// skip skips a test that this machine cannot run, or fails it in CI, where all must run.
func skip(t *testing.T, reason any) {
	t.Helper()
	if os.Getenv("EVENTCHAN_CI") == "1" {
		t.Fatalf("EVENTCHAN_CI=1, and this test cannot run: %v", reason)
	}
	t.Skip(reason)
}

// Every completion is counted, for numbers of requests around the size of a batch and for many.
func TestEveryCompletionIsCounted(t *testing.T) {
	eachSignaler(t, func(t *testing.T, s signaler) {
		for _, n := range []int{1, pipes - 1, pipes, pipes + 1, depth - 1, depth, depth + 1, 10_000, 10_007} {
			saw, err := s.run(limit(t), n)
			if err == nil {
				err = saw.check(n, s.exact)
			}
			if err != nil {
				t.Fatalf("%d requests: %v, after %+v", n, err, saw)
			}
		}
	})
}

func TestNothingIsLeftOpen(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	eachSignaler(t, func(t *testing.T, s signaler) {
		before, mapped := leaktest.Baseline(), mappings(t)
		for range 5 {
			if _, err := s.run(limit(t), 100); err != nil {
				t.Fatal(err)
			}
			if _, err := s.run(ended, 100_000); !errors.Is(err, context.Canceled) {
				t.Fatalf("with an ended context: %v, want context.Canceled", err)
			}
		}
		if err := leaktest.Check(before); err != nil {
			t.Fatal(err)
		}
		if left := mappings(t); !slices.Equal(left, mapped) {
			t.Fatalf("mapped before:\n%s\nand after:\n%s", strings.Join(mapped, "\n"), strings.Join(left, "\n"))
		}
	})
}

// mappings returns the mappings of the kernel's queues.
func mappings(t *testing.T) (all []string) {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(maps)) {
		if strings.Contains(line, "[aio]") || strings.Contains(line, "io_uring") {
			all = append(all, strings.TrimSpace(line))
		}
	}
	return all
}

func TestCheckFindsCountsThatAreOff(t *testing.T) {
	for _, c := range []struct {
		tally
		n           int
		exact, hint bool // whether the tally is right if the count is exact, and if it is a hint
	}{
		{tally{completions: 7, signals: 7, receives: 3}, 7, true, true},
		{tally{completions: 7, signals: 6, receives: 3}, 7, false, true},
		{tally{completions: 7, signals: 8, receives: 3}, 7, false, true},
		{tally{completions: 6, signals: 7, receives: 3}, 7, false, false},
		{tally{completions: 8, signals: 7, receives: 3}, 7, false, false},
		{tally{completions: 7, signals: 2, receives: 3}, 7, false, false},
		{tally{completions: 7}, 7, false, false},
	} {
		if err := c.check(c.n, true); (err == nil) != c.exact {
			t.Errorf("%+v of %d, exact: %v", c.tally, c.n, err)
		}
		if err := c.check(c.n, false); (err == nil) != c.hint {
			t.Errorf("%+v of %d, a hint: %v", c.tally, c.n, err)
		}
	}
}

// Each field is at the kernel's offset, from <linux/aio_abi.h> and <linux/io_uring.h>.
func TestFieldsAreWhereTheKernelHasThem(t *testing.T) {
	var i iocb
	var p ringParams
	var s sqe
	for name, offset := range map[string][2]uintptr{
		"aio_lio_opcode":    {unsafe.Offsetof(i.opcode), 16},
		"aio_fildes":        {unsafe.Offsetof(i.fildes), 20},
		"aio_buf":           {unsafe.Offsetof(i.buf), 24},
		"aio_nbytes":        {unsafe.Offsetof(i.nbytes), 32},
		"aio_offset":        {unsafe.Offsetof(i.offset), 40},
		"aio_flags":         {unsafe.Offsetof(i.flags), 56},
		"aio_resfd":         {unsafe.Offsetof(i.resfd), 60},
		"sq_off":            {unsafe.Offsetof(p.sq), 40},
		"sq_off.array":      {unsafe.Offsetof(p.sq) + unsafe.Offsetof(p.sq.array), 64},
		"cq_off":            {unsafe.Offsetof(p.cq), 80},
		"cq_off.overflow":   {unsafe.Offsetof(p.cq) + unsafe.Offsetof(p.cq.overflow), 96},
		"cq_off.cqes":       {unsafe.Offsetof(p.cq) + unsafe.Offsetof(p.cq.cqes), 100},
		"io_uring_sqe.data": {unsafe.Offsetof(s.userData), 32},
	} {
		if offset[0] != offset[1] {
			t.Errorf("%s is at %d, want %d", name, offset[0], offset[1])
		}
	}
}

// A poll that is in progress when its context is destroyed is also completed: the
// eventfd counts it, although its event cannot be taken any more.
func TestDestroyEndsPolls(t *testing.T) {
	signals, err := notify.New()
	if err != nil {
		t.Fatal(err)
	}
	defer signals.Close()
	aio, err := newAIOContext(pipes)
	if err != nil {
		skip(t, err)
	}
	p := &pipePoller{aio: aio, signals: signals}
	defer p.closePipes()
	if err := errors.Join(p.openPipes(), p.submit(pipes), aio.destroy()); err != nil {
		t.Fatal(err)
	}
	if count, err := signals.Wait(limit(t)); count != pipes || err != nil {
		t.Errorf("after destroy the eventfd says %d, %v; want %d", count, err, pipes)
	}
	if err := aio.destroy(); !errors.Is(err, unix.EINVAL) {
		t.Errorf("a second destroy says %v, want EINVAL", err)
	}
}

func TestContextThatTheSysctlForbidsIsRefused(t *testing.T) {
	const huge = 1 << 22
	var most int
	if text, err := os.ReadFile("/proc/sys/fs/aio-max-nr"); err != nil {
		skip(t, err)
	} else if fmt.Sscan(string(text), &most); most >= huge {
		skip(t, fmt.Sprint("fs.aio-max-nr is ", most))
	}
	if _, err := newAIOContext(huge); !errors.Is(err, errRefused) || !strings.Contains(err.Error(), "aio-max-nr") {
		t.Errorf("a context for %d requests: %v, want a refusal that names fs.aio-max-nr", huge, err)
	}
}

func TestRingHasOneEventfdAtMost(t *testing.T) {
	r, err := newRing(ringSize)
	if errors.Is(err, errRefused) {
		skip(t, err)
	} else if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	signals, err := notify.New()
	if err != nil {
		t.Fatal(err)
	}
	defer signals.Close()
	if err := r.register(signals.FD()); err != nil {
		t.Fatal(err)
	}
	if err := r.register(signals.FD()); !errors.Is(err, unix.EBUSY) {
		t.Errorf("the second eventfd: %v, want EBUSY", err)
	}
}
