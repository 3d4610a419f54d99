package doorbell_test

import (
	"math"
	"testing"

	"github.com/eventchan/eventchan/internal/doorbell"
	"github.com/eventchan/eventchan/internal/word"
)

// A waiter is a Consumer of a Lone. It always waits for more.
type waiter struct{ *doorbell.Bell }

func newWaiter(l *doorbell.Lone) *waiter {
	w := new(waiter)
	w.Bell = l.Bell(w)
	w.word().Store(0, word.Ring|word.Held)
	return w
}

func (w *waiter) word() *word.Word { return &w.Slot().Word }

func (w *waiter) Look() {
	w.Took(w.word().TakeUpTo(math.MaxUint64))
	w.word().Sleep(1, word.Ring|word.Held)
}

// rings reports whether the next signaler would ring. It acts as that signaler.
func (w *waiter) rings() bool { return w.word().Claim() }

func wantHot(t *testing.T, l *doorbell.Lone, what string, want int) {
	t.Helper()
	if got := l.Hot(); got != want {
		t.Errorf("%s: %d hot Slots, want %d", what, got, want)
	}
}

func wantTook(t *testing.T, l *doorbell.Lone, want uint64) {
	t.Helper()
	if got := l.ServeHot(); got != want {
		t.Errorf("the hot Slots gave %d, want %d", got, want)
	}
}

// A stream makes a Slot hot, and a second stream changes nothing.
func TestStreamMakesASlotHotOnce(t *testing.T) {
	var l doorbell.Lone
	w := newWaiter(&l)
	l.Consider(w.Bell, doorbell.Several-1)
	wantHot(t, &l, "after a single signal", 0)
	l.Consider(w.Bell, doorbell.Several)
	wantHot(t, &l, "after several", 1)
	l.Consider(w.Bell, doorbell.Several)
	wantHot(t, &l, "after several more", 1)
	if w.rings() {
		t.Error("a signaler of a hot Slot has to ring, want it not to")
	}
}

func TestFewSlotsAreHot(t *testing.T) {
	var l doorbell.Lone
	for range doorbell.MostHot + 3 {
		l.Consider(newWaiter(&l).Bell, doorbell.Several)
	}
	wantHot(t, &l, "after many streams", doorbell.MostHot)
}

// A hot Slot is let go after a number of looks in a row that have found nothing. A signal
// restarts the row, and so does becoming hot again.
func TestIdleHotSlotIsLetGo(t *testing.T) {
	var l doorbell.Lone
	w := newWaiter(&l)
	for range 3 {
		l.Consider(w.Bell, doorbell.Several)
		for range 3 {
			for range doorbell.TooIdle - 1 {
				wantTook(t, &l, 0)
			}
			wantHot(t, &l, "a look too early", 1)
			w.word().AddHeld(1)
			wantTook(t, &l, 1)
		}
		for range doorbell.TooIdle {
			wantTook(t, &l, 0)
		}
		wantHot(t, &l, "after a row of idle looks", 0)
		if !w.rings() {
			t.Error("a signaler of a Slot that was let go does not ring")
		}
		w.word().Store(0, word.Ring|word.Held) // as before the call of rings
	}
}

// Before the goroutine sleeps, it lets all Slots go and takes what has come until then.
func TestAllHotSlotsAreLetGo(t *testing.T) {
	var l doorbell.Lone
	waiters := make([]*waiter, 3)
	for i := range waiters {
		waiters[i] = newWaiter(&l)
		l.Consider(waiters[i].Bell, doorbell.Several)
		waiters[i].word().AddHeld(uint64(i))
	}
	l.LetGo()
	wantHot(t, &l, "after all were let go", 0)
	for i, w := range waiters {
		if left := w.word().Count(); left != 0 {
			t.Errorf("%d signals of Slot %d are left, want 0", left, i)
		}
		if !w.rings() {
			t.Errorf("a signaler of Slot %d does not ring", i)
		}
	}
}
