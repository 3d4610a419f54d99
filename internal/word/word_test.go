package word_test

import (
	"math"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/eventchan/eventchan/internal/word"
)

func filled(count, flags uint64) *word.Word {
	w := new(word.Word)
	w.Store(count, flags)
	return w
}

// want fails the test unless w holds exactly that count and those flags.
func want(t *testing.T, what string, w *word.Word, count, flags uint64) {
	t.Helper()
	if got := outside(w).Load(); got != count|flags {
		t.Errorf("%s leaves %#x, want count %#x and flags %#x", what, got, count, flags)
	}
}

// outside returns the word as a C thread sees it.
func outside(w *word.Word) *atomic.Uint64 { return (*atomic.Uint64)(unsafe.Pointer(w)) }

func TestStepsWithoutTheLock(t *testing.T) {
	w := filled(5, 0)
	if !w.Add(9) {
		t.Error("Add(9) = false, want true")
	}
	want(t, "5 and Add(9)", w, 14, 0)
	if w.Take(15) {
		t.Error("Take(15) of 14 = true, want false")
	}
	want(t, "a Take of too many", w, 14, 0)
	if !w.Take(3) {
		t.Error("Take(3) of 14 = false, want true")
	}
	if got := w.TakeAll(); got != 11 {
		t.Errorf("TakeAll = %d, want 11", got)
	}
	if got := w.TakeAll(); got != 0 {
		t.Errorf("TakeAll of nothing = %d, want 0", got)
	}
	if !w.Idle() {
		t.Error("Idle = false of a word that is 0")
	}
}

// While a flag is set, the methods that need no lock do nothing, but Take ignores Ring.
func TestFlagsSendToTheLock(t *testing.T) {
	for name, flags := range map[string]uint64{
		"Ring": word.Ring, "Held": word.Held, "Closed": word.Closed, "Ring and Held": word.Ring | word.Held,
	} {
		t.Run(name, func(t *testing.T) {
			w, rings := filled(7, flags), flags == word.Ring
			if w.Add(1) || w.Addable(1) {
				t.Error("Add and Addable: want false")
			}
			if got := w.TakeAll(); got != 0 {
				t.Errorf("TakeAll = %d, want 0", got)
			}
			if w.Idle() || filled(0, flags).Idle() {
				t.Error("Idle = true, want false")
			}
			if got := w.Takeable(7); got != rings {
				t.Errorf("Takeable(7) = %v, want %v", got, rings)
			}
			if got := w.Lacks(8); got != rings {
				t.Errorf("Lacks(8) = %v, want %v", got, rings)
			}
			if w.Takeable(8) || w.Lacks(7) {
				t.Error("Takeable of more than there is, or Lacks of what there is: want false")
			}
			want(t, "all that", w, 7, flags)
			if got := w.Take(7); got != rings {
				t.Errorf("Take(7) = %v, want %v", got, rings)
			}
		})
	}
}

func TestFullBoundsWhatAnAddLeaves(t *testing.T) {
	for name, test := range map[string]struct {
		flags uint64
		add   func(*word.Word, uint64) bool
	}{
		"Add":               {0, (*word.Word).Add},
		"AddHeld":           {0, (*word.Word).AddHeld},
		"AddHeld past Held": {word.Ring | word.Held, (*word.Word).AddHeld},
	} {
		t.Run(name, func(t *testing.T) {
			for _, step := range []struct {
				count, n uint64
				want     bool
			}{
				{0, word.Full, true}, {0, word.Full + 1, false}, {0, math.MaxUint64, false},
				{word.Full - 3, 4, false}, {word.Full - 3, 3, true}, {word.Full, 1, false},
				{word.Full + 1<<32, 1, false}, // C threads can leave such a count for an instant
				{2, math.MaxUint64, false}, {2, word.Held, false}, {2, word.Closed, false},
			} {
				w, after := filled(step.count, test.flags), step.count
				if step.want {
					after += step.n
				}
				if got := test.add(w, step.n); got != step.want {
					t.Errorf("%#x and add(%#x) = %v, want %v", step.count, step.n, got, step.want)
				}
				want(t, "that", w, after, test.flags)
			}
		})
	}
}

// No method adds past a bound below Full, with the lock or without.
func TestNothingIsAddedPastABound(t *testing.T) {
	const most = 9
	for name, add := range map[string]func(w *word.Word, n, most uint64) bool{
		"AddUpTo": (*word.Word).AddUpTo, "AddHeldUpTo": (*word.Word).AddHeldUpTo,
	} {
		w := filled(5, 0)
		for _, n := range []uint64{5, word.Full, math.MaxUint64} {
			if add(w, n, most) || w.AddableUpTo(n, most) {
				t.Errorf("%s(%d) of 5 up to %d: want false", name, n, most)
			}
		}
		if add(w, 1, 4) || add(w, 1, 0) || w.AddableUpTo(1, 0) {
			t.Errorf("%s of 5 up to less than that: want false", name)
		}
		want(t, name+" past the bound", w, 5, 0)
		if !w.AddableUpTo(4, most) || !add(w, 4, most) {
			t.Errorf("%s(4) of 5 up to %d: want true", name, most)
		}
		want(t, name+" up to the bound", w, most, 0)
	}
}

func TestAddableReportsRoom(t *testing.T) {
	w := filled(word.Full-3, 0)
	if !w.Addable(3) || w.Addable(4) || w.Addable(math.MaxUint64) {
		t.Errorf("Addable of 3, 4, 2^64-1 at Full-3 = %v, %v, %v; want true, false, false",
			w.Addable(3), w.Addable(4), w.Addable(math.MaxUint64))
	}
}

// The owner's methods ignore the flags and preserve them.
func TestOwnerTakesWhateverTheFlags(t *testing.T) {
	for _, flags := range []uint64{0, word.Ring, word.Held, word.Ring | word.Held, word.Closed | word.Held} {
		w := filled(20, flags)
		if w.TakeHeld(21) || !w.TakeHeld(6) {
			t.Errorf("flags %#x: TakeHeld of 21 and of 6 out of 20: want false and true", flags)
		}
		want(t, "20 less 6", w, 14, flags)
		if got := w.TakeUpTo(4); got != 4 {
			t.Errorf("flags %#x: TakeUpTo(4) of 14 = %d", flags, got)
		}
		if got := w.TakeUpTo(math.MaxUint64); got != 10 || w.Count() != 0 {
			t.Errorf("flags %#x: TakeUpTo(2^64-1) of 10 = %d, and there are still %d", flags, got, w.Count())
		}
		if got := w.TakeUpTo(1); got != 0 {
			t.Errorf("flags %#x: TakeUpTo(1) of 0 = %d", flags, got)
		}
		want(t, "all that", w, 0, flags)
	}
}

func TestSetLeavesTheCount(t *testing.T) {
	w := filled(33, word.Ring)
	w.Set(word.Held)
	want(t, "Set", w, 33, word.Ring|word.Held)
}

func TestSwapEndsTheWord(t *testing.T) {
	w := filled(77, word.Ring|word.Held)
	if n, old := w.Swap(word.Closed | word.Held); n != 77 || old != word.Ring|word.Held {
		t.Errorf("Swap = %d, %#x; want 77 and the flags", n, old)
	}
	want(t, "Swap", w, 0, word.Closed|word.Held)
}

func TestSleepSucceedsOnlyBelowWhatIsEnough(t *testing.T) {
	for _, step := range []struct {
		count, before, enough, flags uint64
		want                         bool
		after                        uint64
	}{
		{0, 0, 1, word.Ring, true, word.Ring},
		{0, word.Held, 1, word.Ring, true, word.Ring},
		{0, word.Ring, 1, word.Ring, true, word.Ring},
		{0, word.Closed | word.Held, 1, word.Ring, true, word.Closed | word.Ring},
		{4, word.Ring, 5, word.Ring | word.Held, true, word.Ring | word.Held},
		{4, word.Held, 5, 0, true, 0},
		{5, word.Held, 5, word.Ring, false, word.Held},
		{6, 0, 5, word.Ring, false, 0},
		{1, word.Ring, 1, word.Ring, false, word.Ring},
		{word.Full + 3, word.Ring | word.Held, math.MaxUint64, 0, true, 0},
	} {
		w := filled(step.count, step.before)
		if got := w.Sleep(step.enough, step.flags); got != step.want {
			t.Errorf("%+v: Sleep = %v", step, got)
		}
		want(t, "Sleep", w, step.count, step.after)
	}
}
