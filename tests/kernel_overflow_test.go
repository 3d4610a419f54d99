//go:build linux

package tests

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/rawio"
	"github.com/eventchan/eventchan/notify"
)

func TestMaxUint64IsRefused(t *testing.T) {
	n := newNotifier(t)
	wantError(t, "Add(MaxUint64)", n.Add(math.MaxUint64), notify.ErrOverflow)
	if err := rawio.Add(n.FD(), math.MaxUint64); !errors.Is(err, unix.EINVAL) {
		t.Errorf("write(2) of MaxUint64: got %v, want EINVAL", err)
	}
	wantTaken(t, n, 0)
}

func TestFullCounterReportsOverflow(t *testing.T) {
	n := newNotifier(t)
	mustAdd(t, n, notify.MaxCount-1)
	wantError(t, "Add(2) one below the maximum", n.Add(2), notify.ErrOverflow)
	mustAdd(t, n, 1)
	wantError(t, "Notify at the maximum", n.Notify(), notify.ErrOverflow)
	mustAdd(t, n, 0)
	if err := rawio.Add(n.FD(), 1); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("write(2) at the maximum: got %v, want EAGAIN", err)
	}
	wantCountOf(t, n, notify.MaxCount)
	wantTaken(t, n, notify.MaxCount)
	mustAdd(t, n, 8)
	wantTaken(t, n, 8)
}

// A Release past the maximum panics and adds nothing.
func TestReleasePastTheMaximumPanics(t *testing.T) {
	s := newSemaphore(t, math.MaxInt64)
	s.Release(math.MaxInt64) // 1<<64 - 2
	wantCount(t, s, math.MaxInt64)
	func() {
		defer func() {
			if got := fmt.Sprint(recover()); !strings.Contains(got, "Release(1)") {
				t.Errorf("got panic %q, want one that says Release(1)", got)
			}
		}()
		s.Release(1)
	}()
	if got := info(t, s.FD(), "eventfd-count"); got != "fffffffffffffffe" {
		t.Errorf("count %s, want fffffffffffffffe", got)
	}
}

// overflown returns a Notifier whose count is MaxUint64. Only the kernel can raise it that far.
func overflown(t testing.TB) *notify.Notifier {
	t.Helper()
	n := newNotifier(t)
	aio := newAIO(t)
	mustAdd(t, n, notify.MaxCount)
	if err := aio.Signal(n.FD(), 1); err != nil {
		t.Fatal(err)
	}
	got, err := n.Count()
	hammer.Counted(t, err)
	if got != math.MaxUint64 || err != nil {
		t.Fatalf("Count: got %d, %v, want %d", got, err, uint64(math.MaxUint64))
	}
	return n
}

// A count that the kernel has raised to MaxUint64, by AIO, is delivered like any other (as in LTP
// eventfd06).
func TestOverflowMadeByKernelIsACount(t *testing.T) {
	n := overflown(t)
	w := watch(t, n.FD(), bridge.Readable|bridge.Writable)
	if got, _ := receive(t, w.C()); got != bridge.Readable|bridge.Failed {
		t.Errorf("the descriptor: got %v, want Readable|Failed", got)
	}
	wantError(t, "Notify", n.Notify(), notify.ErrOverflow)
	wantWaited(t, n, math.MaxUint64)
	wantTaken(t, n, 0)
	if got, _ := receive(t, w.C()); got&bridge.Writable == 0 {
		t.Errorf("the descriptor after Wait: got %v, want Writable among them", got)
	}
	mustAdd(t, n, 3)
	wantTaken(t, n, 3)
}

func TestOverflowMadeByKernelComesThroughC(t *testing.T) {
	n := overflown(t)
	c := n.C()
	eventually(t, "the count left the kernel", func() bool { got, err := n.Count(); return got == 0 && err == nil })
	mustAdd(t, n, 5) // no uint64 holds the sum
	if got, _ := receive(t, c); got != math.MaxUint64 {
		t.Errorf("first piece: got %d, want %d", got, uint64(math.MaxUint64))
	}
	if got, _ := receive(t, c); got != 5 {
		t.Errorf("second piece: got %d, want 5", got)
	}
	mustAdd(t, n, 6)
	if got, _ := receive(t, c); got != 6 {
		t.Errorf("afterwards: got %d, want 6", got)
	}
}

// Close delivers all of a sum that no uint64 holds, here in three pieces: one in C's buffer, one
// about to be sent there, and one in the kernel.
func TestSumPastUint64IsDeliveredThroughClose(t *testing.T) {
	n := newNotifier(t)
	c := n.C()
	for i := range 3 {
		eventually(t, "room for the next piece", func() bool { return n.Add(notify.MaxCount-uint64(i)) == nil })
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	var pieces []uint64
	for count, open := receive(t, c); open; count, open = receive(t, c) {
		pieces = append(pieces, count)
	}
	var sum, want uint64 // modulo 1<<64
	for _, piece := range pieces {
		sum += piece
	}
	for i := range uint64(3) {
		want += notify.MaxCount - i
	}
	if sum != want || len(pieces) != 3 {
		t.Errorf("got pieces %d, want 3 with sum %d modulo 1<<64", pieces, want)
	}
}
