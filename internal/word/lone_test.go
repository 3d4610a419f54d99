package word_test

import (
	"testing"

	"github.com/eventchan/eventchan/internal/word"
)

// Whether a goroutine can wait alone, whether it can be claimed, and what Hold finds.
func TestLoneStates(t *testing.T) {
	for _, state := range []struct {
		name               string
		bits               uint64
		waits, lone, claim bool
		held               uint64 // after Hold
	}{
		{"idle", 0, true, false, false, word.Held},
		{"a count", 3, false, false, false, word.Held | 3},
		{"alone", word.Ring, false, true, true, word.Ring | word.Held | word.Rung},
		{"queued", word.Ring | word.Held, false, false, false, word.Ring | word.Held},
		{"served", word.Rung, false, false, false, word.Held | word.Rung},
		{"served, and a count", word.Rung | 3, false, false, false, word.Held | word.Rung | 3},
		{"closed", word.Closed | word.Held, false, false, false, word.Closed | word.Held},
	} {
		t.Run(state.name, func(t *testing.T) {
			fresh := func() *word.Word {
				w := new(word.Word)
				outside(w).Store(state.bits)
				return w
			}
			if got := fresh().WaitAlone(); got != state.waits {
				t.Errorf("WaitAlone = %v, want %v", got, state.waits)
			}
			if got := fresh().Lone(); got != state.lone {
				t.Errorf("Lone = %v, want %v", got, state.lone)
			}
			if got := fresh().ClaimLone(); got != state.claim {
				t.Errorf("ClaimLone = %v, want %v", got, state.claim)
			}
			w := fresh()
			if got := w.Hold(); got != state.lone {
				t.Errorf("Hold = %v, want %v", got, state.lone)
			}
			if got := outside(w).Load(); got != state.held {
				t.Errorf("the word is %#x after Hold, want %#x", got, state.held)
			}
		})
	}
}

// The channel belongs to one goroutine at a time, from WaitAlone or Occupy to Part.
func TestChannelHasOneOwner(t *testing.T) {
	var w word.Word
	if !w.WaitAlone() || w.WaitAlone() {
		t.Error("the second WaitAlone succeeded, or the first did not")
	}
	if !w.ClaimLone() || w.ClaimLone() || w.WaitAlone() {
		t.Error("a goroutine that was served is claimed again, or another one waits alone in its place")
	}
	w.Hold()
	if w.Occupy() {
		t.Error("Occupy = true before Part")
	}
	w.Part()
	if !w.Occupy() || w.Occupy() {
		t.Error("the second Occupy succeeded, or the first did not")
	}
	if n, flags := w.Retire(); n != 0 || flags != word.Held {
		t.Errorf("Retire = %d, %#x; want 0 and Held alone", n, flags)
	}
	if w.Occupy() {
		t.Error("Occupy = true before Part, after Retire")
	}
	w.Part()
	if !w.Occupy() {
		t.Error("Occupy = false after Part")
	}
}
