package counter_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/eventchan/eventchan/internal/counter"
	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/leaktest"
	"github.com/eventchan/eventchan/internal/word"
)

func TestMain(m *testing.M) { leaktest.Main(m.Run) }

// An owner has no waiters.
type owner struct{}

func (owner) Serve() {}

// newCounter returns a private Counter.
func newCounter(t testing.TB, count uint64) *counter.Counter {
	t.Helper()
	c := new(counter.Counter)
	c.Init(count, false, nil, owner{})
	t.Cleanup(func() { end(c) })
	return c
}

// shut shuts a Counter as its owner does, and reports whether it was not shut before.
func shut(c *counter.Counter) (fd *rawefd.FD, first bool) {
	if !c.Lock() {
		return nil, false
	}
	defer c.Unlock()
	return c.Shut(), true
}

// end closes a Counter as its owner does, unless it is closed.
func end(c *counter.Counter) {
	fd, first := shut(c)
	if !first {
		return
	}
	last := func() { c.LockShut(); c.End(); c.UnlockShut() }
	if fd == nil {
		last()
	} else {
		fd.Close(last)
	}
}

// lock calls f with the lock held.
func lock(t testing.TB, c *counter.Counter, f func()) {
	t.Helper()
	if !c.Lock() {
		t.Fatal("Lock = false")
	}
	defer c.Unlock()
	f()
}

// places maps each place where a count can be to a function that moves it there.
var places = map[string]func(testing.TB, *counter.Counter){
	"private":  func(testing.TB, *counter.Counter) {},
	"exported": export,
	"handle":   handOut,
	"both":     func(t testing.TB, c *counter.Counter) { handOut(t, c); export(t, c) },
	"both, the other way round": func(t testing.TB, c *counter.Counter) {
		export(t, c)
		handOut(t, c)
	},
}

func export(t testing.TB, c *counter.Counter) {
	t.Helper()
	if _, err := c.Export(false); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		t.Fatal(err)
	}
}

func handOut(t testing.TB, c *counter.Counter) {
	t.Helper()
	if _, err := c.Handle(false); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		t.Fatal(err)
	}
}

// interesting has the counts at which something changes.
var interesting = []uint64{0, 1, 1 << 32, word.Full - 1, word.Full, word.Full + 1, word.Held, math.MaxInt64,
	1 << 63, rawefd.MaxCount - word.Full, rawefd.MaxCount - 1, rawefd.MaxCount}

func wantCount(t *testing.T, what string, c *counter.Counter, want uint64) {
	t.Helper()
	got, err := c.Count()
	hammer.Counted(t, err)
	if got != want || err != nil {
		t.Errorf("%s: Count = %#x, %v; want %#x", what, got, err, want)
	}
}

// eachPlace runs a test with each of the interesting counts in each place.
func eachPlace(t *testing.T, test func(t *testing.T, c *counter.Counter, count uint64)) {
	for place, enter := range places {
		t.Run(place, func(t *testing.T) {
			for _, count := range interesting {
				c := newCounter(t, count)
				lock(t, c, func() { enter(t, c); test(t, c, count) })
				end(c)
			}
		})
	}
}

// Add adds up to MaxCount. It refuses what would exceed MaxCount and then adds nothing, wherever
// the count is and however much of it has room there.
func TestMaxCountIsExact(t *testing.T) {
	eachPlace(t, func(t *testing.T, c *counter.Counter, count uint64) {
		for _, n := range append(interesting, rawefd.MaxCount-count, rawefd.MaxCount-count+1, math.MaxUint64) {
			if n == 0 {
				continue
			}
			what := fmt.Sprintf("%#x and Add(%#x)", count, n)
			err := c.Add(n)
			if n <= rawefd.MaxCount-count {
				if err != nil {
					t.Errorf("%s = %v", what, err)
				}
				count += n
			} else if !errors.Is(err, rawefd.ErrFull) {
				t.Errorf("%s = %v, want ErrFull", what, err)
			}
			wantCount(t, what, c, count)
		}
		if got, err := c.TakeAll(); got != count || err != nil {
			t.Errorf("TakeAll = %#x, %v; want %#x", got, err, count)
		}
		wantCount(t, "TakeAll", c, 0)
	})
}

// Take takes exactly what was asked for, and the rest stays; or it takes nothing.
func TestTakeIsAllOrNothing(t *testing.T) {
	for place, enter := range places {
		if place != "private" && place != "handle" {
			continue // an eventfd hands out one permit per read
		}
		t.Run(place, func(t *testing.T) {
			for _, count := range interesting {
				c := newCounter(t, count)
				lock(t, c, func() {
					enter(t, c)
					for _, n := range []uint64{count + 1, count - count/3, 1, word.Full, count / 3} {
						what := fmt.Sprintf("%#x and Take(%#x)", count, n)
						if got, err := c.Take(n); got != (n <= count) || err != nil {
							t.Errorf("%s = %v, %v, want %v", what, got, err, n <= count)
						}
						if n <= count {
							count -= n
						}
						wantCount(t, what, c, count)
					}
				})
				end(c)
			}
		})
	}
}

// While there is more than the word holds, nothing can be added or taken without the lock,
// because rest would be overlooked. Once the word holds all of it, that is possible again.
func TestRestHoldsTheWord(t *testing.T) {
	c := newCounter(t, word.Full+5)
	if c.Word().Add(1) || c.Word().TakeAll() != 0 || c.Word().Take(1) || c.Word().Idle() || c.Word().Lacks(1) {
		t.Error("an operation without the lock has overlooked the rest")
	}
	lock(t, c, func() {
		c.Wake()
		if c.Word().Add(1) {
			t.Error("Wake has released the word, in spite of the rest")
		}
		if took, _ := c.Take(6); !took {
			t.Error("Take(6) = false, want true")
		}
		c.Wake()
	})
	if !c.Word().Take(word.Full - 1) {
		t.Errorf("Take without the lock = false once the word holds all")
	}
}

// Sleep compares all of the count, with rest, and not only the word.
func TestSleepSeesTheRest(t *testing.T) {
	for place, enter := range places {
		if place != "private" && place != "handle" {
			continue // an eventfd causes an edge
		}
		t.Run(place, func(t *testing.T) {
			c := newCounter(t, word.Full+5)
			lock(t, c, func() {
				enter(t, c)
				if !c.Word().AddHeld(3) { // as C threads do while there is a rest
					t.Error("no room in the word while there is a rest")
				}
				for enough, want := range map[uint64]bool{1: false, word.Full + 5: false, word.Full + 8: false, word.Full + 9: true} {
					if got := c.Sleep(enough, true); got != want {
						t.Errorf("Sleep(%#x) with %#x = %v, want %v", enough, uint64(word.Full+8), got, want)
					}
				}
			})
		})
	}
}

func TestNewHoldsAnyCount(t *testing.T) {
	for _, count := range interesting {
		c := newCounter(t, count)
		lock(t, c, func() { wantCount(t, "Init", c, count) })
		got := c.Word().TakeAll()
		if want := count; count > word.Full && got != 0 || count <= word.Full && got != want {
			t.Errorf("with %#x a TakeAll without the lock = %#x", count, got)
		}
	}
}

// The old word stays closed, so that code that still uses it takes the lock and finds the new
// word.
func TestHandleMovesTheCountOnce(t *testing.T) {
	c := newCounter(t, 41)
	old := c.Word()
	lock(t, c, func() {
		slot, err := c.Handle(false)
		if errors.Is(err, errors.ErrUnsupported) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if again, err := c.Handle(false); again != slot || err != nil {
			t.Errorf("Handle = %p, %v; want the same as before, %p", again, err, slot)
		}
		if c.Word() != &slot.Word || c.Word().Count() != 41 || old.Count() != 0 {
			t.Errorf("%d in the new word, %d in the old one; want 41 and 0", slot.Word.Count(), old.Count())
		}
		if old.Add(1) || old.Take(0) || old.TakeAll() != 0 || old.Idle() || old.Lacks(1) {
			t.Error("the old word is still in use")
		}
	})
	if !c.Word().Add(1) {
		t.Error("Add to the new word = false, want true")
	}
	lock(t, c, func() { wantCount(t, "Handle", c, 42) })
}

// Shut decides which adds came in time. The owner takes their count once nothing can
// be added any more.
func TestShutEndsTheCounter(t *testing.T) {
	eachPlace(t, func(t *testing.T, c *counter.Counter, count uint64) {
		w, taken := c.Word(), make(chan uint64, 1)
		c.Unlock() // LockShut locks again, because eachPlace unlocks
		fd, first := shut(c)
		last := func() {
			c.LockShut()
			defer c.UnlockShut()
			c.End()
			n, err := c.TakeAll()
			if err != nil {
				t.Error(err)
			}
			taken <- n
		}
		if !first || c.Lock() {
			t.Error("Lock = false before Shut, or true after it")
		}
		if w.Add(1) || w.TakeAll() != 0 || c.Word().Add(1) {
			t.Error("an operation without the lock has succeeded after Shut")
		}
		if fd == nil {
			last()
		} else {
			fd.Close(last)
		}
		if got := <-taken; got != count {
			t.Errorf("%#x is left for the owner, want %#x", got, count)
		}
		c.LockShut()
	})
}
