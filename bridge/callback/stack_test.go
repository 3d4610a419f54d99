//go:build cgo && unix && !mips && !mipsle && (!arm || arm.7)

package callback_test

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/testing/chandle"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/handletest"
)

// These tests check how threads that ring push slots onto the stack and write to the
// doorbell.

func (h *hub) sleeper() *handletest.Slot { return h.slot(held | ring) }

// pause starts a thread that adds 1 to a slot and stops there.
func pause(t *testing.T, s *handletest.Slot, there chandle.Stop) *chandle.Paused {
	t.Helper()
	p, err := chandle.AddPaused(address(s), there)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func goOn(t *testing.T, p *chandle.Paused, there chandle.Stop) {
	t.Helper()
	if err := p.GoOn(there); err != nil {
		t.Fatal(err)
	}
}

// finish lets the thread continue to its end. The add succeeds in any case.
func finish(t *testing.T, p *chandle.Paused) {
	t.Helper()
	if got := p.Finish(); got != 0 {
		t.Errorf("eventchan_add returned %v, want 0", got)
	}
}

// The slot pushed last is on top of the stack, each slot has the index of the one below,
// one write is enough for all, and the epoch does not change.
func TestStackHoldsWhatWasPushed(t *testing.T) {
	h := newHub(t, 7*epoch)
	slots := []*handletest.Slot{h.sleeper(), h.sleeper(), h.sleeper()}
	for _, i := range []int{1, 0, 2} {
		mustAdd(t, address(slots[i]), 1)
	}
	h.check(t, "after 3 adds", slots[0], held+rung+1, quiet+7*epoch+3, 1)
	var order []uint32
	for i := h.head.Load() & handletest.Index; i != 0; i = slots[i-1].Next & handletest.Index {
		order = append(order, uint32(i))
	}
	if want := []uint32{3, 1, 2}; !slices.Equal(order, want) {
		t.Errorf("on the stack are %d, want %d", order, want)
	}
}

// RING becomes RUNG before the push, so no second thread pushes the slot.
func TestRungComesBeforeThePush(t *testing.T) {
	h := newHub(t, epoch)
	s := h.sleeper()
	p := pause(t, s, chandle.BeforeRung)
	h.check(t, "before RUNG", s, held+ring+1, epoch, 0)
	goOn(t, p, chandle.BeforePush)
	h.check(t, "before the push", s, held+rung+1, epoch, 0)
	mustAdd(t, address(s), 4)
	h.check(t, "after another add", s, held+rung+5, epoch, 0)
	finish(t, p)
	h.check(t, "in the end", s, held+rung+5, quiet+epoch+1, 1)
}

// If two threads find RING, the second neither pushes nor writes.
func TestSecondRingDoesNothing(t *testing.T) {
	h := newHub(t, epoch)
	s := h.sleeper()
	p := pause(t, s, chandle.BeforeRung)
	mustAdd(t, address(s), 4)
	h.check(t, "after the other add", s, held+rung+5, quiet+epoch+1, 1)
	finish(t, p)
	h.check(t, "in the end", s, held+rung+5, quiet+epoch+1, 0)
}

func TestQuietMeansNoWrite(t *testing.T) {
	h := newHub(t, quiet+epoch)
	s, other := h.sleeper(), h.sleeper()
	mustAdd(t, address(s), 1)
	h.check(t, "after an add", s, held+rung+1, quiet+epoch+1, 0)
	mustAdd(t, address(other), 2)
	h.check(t, "after another", other, held+rung+2, quiet+epoch+2, 0)
}

// QUIET is set after the write and not before.
func TestQuietComesAfterTheWrite(t *testing.T) {
	h := newHub(t, epoch)
	s := h.sleeper()
	p := pause(t, s, chandle.BeforeWrite)
	h.check(t, "before the write", s, held+rung+1, epoch+1, 0)
	goOn(t, p, chandle.BeforeQuiet)
	h.check(t, "after the write", s, held+rung+1, epoch+1, 1)
	finish(t, p)
	h.check(t, "in the end", s, held+rung+1, quiet+epoch+1, 0)
}

// A thread does not set QUIET if the goroutine has taken the stack since the push.
func TestQuietIsOfOneEpoch(t *testing.T) {
	h := newHub(t, epoch)
	s := h.sleeper()
	p := pause(t, s, chandle.BeforeQuiet)
	h.head.Store(2 * epoch)
	s.Word.Store(held | ring)
	finish(t, p)
	h.check(t, "in the end", s, held|ring, 2*epoch, 1)
}

// A thread sets QUIET even if another thread has pushed in the same epoch.
func TestQuietIsSetOverAnotherPush(t *testing.T) {
	h := newHub(t, epoch)
	p := pause(t, h.sleeper(), chandle.BeforeQuiet)
	other := h.sleeper()
	q := pause(t, other, chandle.BeforeWrite)
	finish(t, p)
	h.check(t, "after the first", other, held+rung+1, quiet+epoch+2, 1)
	finish(t, q)
	h.check(t, "after the second", other, held+rung+1, quiet+epoch+2, 1)
}

// If the doorbell is full, an add succeeds and sets QUIET as after a write.
func TestFullDoorbellCountsAsWrite(t *testing.T) {
	h := newHub(t, epoch)
	s := h.sleeper()
	h.fill(t)
	if answers := mustAdd(t, address(s), 3); answers != (chandle.Answers{Added: 3}) {
		t.Errorf("answers %+v, want 3 added", answers)
	}
	h.writes()
	h.check(t, "after the add", s, held+rung+3, quiet+epoch+1, 0)
}

// At whatever step a thread is stopped, signals to other handles arrive: their slots are on
// the stack, and the doorbell is written to after the push.
func TestStoppedThreadSilencesNoOtherHandle(t *testing.T) {
	for name, there := range map[string]chandle.Stop{
		"before RUNG": chandle.BeforeRung, "before the push": chandle.BeforePush,
		"before the write": chandle.BeforeWrite, "before QUIET": chandle.BeforeQuiet,
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t, epoch)
			stopped, other, third := h.sleeper(), h.sleeper(), h.sleeper()
			p := pause(t, stopped, there)
			h.writes()
			mustAdd(t, address(other), 1)
			h.check(t, "after another's add", other, held+rung+1, quiet+epoch+2, 1)
			mustAdd(t, address(third), 1)
			h.check(t, "after the third's add", third, held+rung+1, quiet+epoch+3, 0)
			finish(t, p)
		})
	}
}

// A thread that continues after Close writes at most to the doorbell.
func TestLateThreadWritesAtMostTheDoorbell(t *testing.T) {
	for name, test := range map[string]struct {
		there  chandle.Stop
		head   uint64
		writes int
	}{
		"before RUNG":      {chandle.BeforeRung, epoch, 0},
		"before the push":  {chandle.BeforePush, quiet + epoch + 1, 1},
		"before the write": {chandle.BeforeWrite, quiet + epoch + 1, 1},
		"before QUIET":     {chandle.BeforeQuiet, quiet + epoch + 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t, epoch)
			s := h.sleeper()
			p := pause(t, s, test.there)
			if got := s.Word.Swap(closed|held) & counts; got != 1 {
				t.Errorf("Close finds %d, want 1", got)
			}
			finish(t, p)
			h.check(t, "in the end", s, closed|held, test.head, test.writes)
		})
	}
}

// take does what the doorbell's goroutine does, for a hub with only one slot.
func (h *hub) take(s *handletest.Slot) (count uint64) {
	head := h.head.Load()
	for ; head&handletest.Index == 0; head = h.head.Load() {
		runtime.Gosched()
	}
	h.head.Store((head + epoch) &^ (quiet | handletest.Index))
	s.Word.And(^uint64(rung))
	return s.Word.Swap(held|ring) & counts
}

// The sum of the adds that returned 0 is the sum taken, although threads are interrupted in
// the middle of an add, ring again and again, and continue after Close.
func TestCloseAgainstThreads(t *testing.T) {
	h := newHub(t, 0)
	s := h.slot(0)
	hammer.For(time.Second/2, 1, func() {
		h.head.Store(epoch)
		s.Word.Store(held | ring)
		var threads []*chandle.Thread
		for range 3 {
			threads = append(threads, must(chandle.Add(address(s), 1, forever, 3)))
		}
		threads = append(threads, must(chandle.AddInterrupted(address(s), 1, forever, 3)))
		var taken uint64
		for range 10 {
			taken += h.take(s)
		}
		taken += s.Word.Swap(closed|held) & counts // a thread might be about to ring
		answers := join(t, threads...)
		if answers.Added != taken || answers.Full != 0 || answers.Closed < 4*3 {
			t.Errorf("answers %+v, taken %d", answers, taken)
		}
		if got := s.Word.Load(); got != closed|held {
			t.Errorf("the word is %#x in the end, want %#x", got, uint64(closed|held))
		}
		h.writes()
	})
}
