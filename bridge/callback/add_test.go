//go:build cgo && unix && !mips && !mipsle && (!arm || arm.7)

package callback_test

import (
	"math"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/testing/chandle"
	"github.com/eventchan/eventchan/internal/testing/hammer"
)

// These tests check how eventchan_add changes the state word of a slot, and whether it
// rings.

func TestAdd(t *testing.T) {
	added := func(n uint64) chandle.Answers { return chandle.Answers{Added: n} }
	tooLate, tooMany := chandle.Answers{Closed: 1}, chandle.Answers{Full: 1}
	const before = 5*epoch + 9
	for name, test := range map[string]struct {
		word, n uint64
		want    chandle.Answers
		after   uint64
		rings   bool
	}{
		"to nothing":                       {0, 1, added(1), 1, false},
		"nothing":                          {ring, 0, added(0), ring, false},
		"where Go takes its lock":          {held + 10, 5, added(5), held + 15, false},
		"where Go is going to look":        {rung + 10, 5, added(5), rung + 15, false},
		"where Go looks with its lock":     {held + rung, large, added(large), held + rung + large, false},
		"to a sleeper":                     {ring, 7, added(7), rung + 7, true},
		"to a sleeper behind a lock":       {held + ring + 1, 7, added(7), held + rung + 8, true},
		"the most in one step":             {ring, large - 1, added(large - 1), rung + large - 1, true},
		"the least that is large":          {ring, large, added(large), rung + large, true},
		"large, to no sleeper":             {held + 1, large, added(large), held + large + 1, false},
		"to the brim":                      {full - 1, 1, added(1), full, false},
		"to the brim, where Go will look":  {rung + full - 1, 1, added(1), rung + full, false},
		"past the brim":                    {full - 1, 2, added(2), full + 1, false},
		"where it is full":                 {full, 1, tooMany, full, false},
		"where it is full, to a lock":      {held + full + 7, 9, tooMany, held + full + 7, false},
		"where it is full, and Go knows":   {rung + full + 7, 9, tooMany, rung + full + 7, false},
		"where it is full, to a sleeper":   {ring + full, 1, tooMany, ring + full, false},
		"large, to the brim":               {ring + full - large, large, added(large), rung + full, true},
		"large, past the brim":             {ring + full - large + 1, large, tooMany, ring + full - large + 1, false},
		"large, where it is full":          {full + 5, large, tooMany, full + 5, false},
		"all that there can be":            {0, full, added(full), full, false},
		"all that there can be, once more": {rung, full, added(full), rung + full, false},
		"more than there can be":           {0, full + 1, tooMany, 0, false},
		"a flag":                           {0, rung, tooMany, 0, false},
		"two flags":                        {0, ring + rung, tooMany, 0, false},
		"-1":                               {held, math.MaxUint64, tooMany, held, false},
		"after Close":                      {closed + held, 1, tooLate, closed + held, false},
		"large, after Close":               {closed + held, large, tooLate, closed + held, false},
		"after Close, to a sleeper":        {closed + ring, 1, tooLate, closed + ring, false},
		"after Close, full":                {closed + full, 1, tooLate, closed + full, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t, before)
			s := h.slot(test.word)
			if got := mustAdd(t, address(s), test.n); got != test.want {
				t.Errorf("adding %#x to %#x: got %+v, want %+v", test.n, test.word, got, test.want)
			}
			if test.rings {
				h.check(t, "after the add", s, test.after, quiet+5*epoch+1, 1)
			} else {
				h.check(t, "after the add", s, test.after, before, 0)
			}
		})
	}
}

func TestNilHandleIsClosed(t *testing.T) {
	for _, n := range []uint64{1, large} {
		if got, want := mustAdd(t, nil, n), (chandle.Answers{Closed: 1}); got != want {
			t.Errorf("adding %d to NULL: got %+v, want %+v", n, got, want)
		}
	}
}

// While the consumer is awake, no thread makes a system call.
func TestAwakeConsumerIsNotRung(t *testing.T) {
	for name, flags := range map[string]uint64{"held": held, "rung": rung} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t, epoch)
			s := h.slot(flags)
			var threads []*chandle.Thread
			for range 4 {
				threads = append(threads, must(chandle.Add(address(s), 3, 10_000, forever)))
			}
			if got, want := join(t, threads...), (chandle.Answers{Added: 120_000}); got != want {
				t.Errorf("answers %+v, want %+v", got, want)
			}
			h.check(t, "after all adds", s, flags+120_000, epoch, 0)
		})
	}
}

func TestOneOfManyRings(t *testing.T) {
	h := newHub(t, 0)
	s := h.slot(0)
	hammer.For(time.Second/2, 1, func() {
		s.Word.Store(held | ring)
		h.head.Store(epoch)
		answers, err := chandle.AddTogether(address(s), 5, 4)
		if err != nil || answers.Added != 20 {
			t.Errorf("answers %+v, %v; want 20 added", answers, err)
		}
		h.check(t, "after 4 adds", s, held+rung+20, quiet+epoch+1, 1)
	})
}

func TestManyFindItFull(t *testing.T) {
	s := newHub(t, 0).slot(0)
	hammer.For(time.Second/4, 1, func() {
		s.Word.Store(held + full - 1)
		answers, err := chandle.AddTogether(address(s), 1, 4)
		if want := (chandle.Answers{Added: 1, Full: 3}); err != nil || answers != want {
			t.Errorf("answers %+v, %v; want %+v", answers, err, want)
		}
		if got := s.Word.Load(); got != held+full {
			t.Errorf("the word is %#x, want %#x", got, uint64(held+full))
		}
	})
}

// A thread that is canceled while it adds still rings.
func TestCanceledThreadStillRings(t *testing.T) {
	h := newHub(t, epoch)
	s := h.slot(ring)
	answers := join(t, must(chandle.AddCanceled(address(s), 9)))
	if want := (chandle.Answers{Added: 9}); answers != want {
		t.Errorf("answers %+v, want %+v", answers, want)
	}
	h.check(t, "after the add", s, rung+9, quiet+epoch+1, 1)
}
