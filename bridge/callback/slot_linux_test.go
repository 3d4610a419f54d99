//go:build cgo

package callback_test

import (
	"encoding/binary"
	"math"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/chandle"
	"github.com/eventchan/eventchan/internal/hammer"
	"github.com/eventchan/eventchan/internal/handle"
	"github.com/eventchan/eventchan/internal/word"
)

const (
	full    = word.Full
	held    = word.Held
	ring    = word.Ring
	closed  = word.Closed
	large   = 1 << 32
	forEver = math.MaxInt32
)

// A slot is what C sees of a Notifier, without the Notifier.
type slot struct {
	*handle.Slot
	word *atomic.Uint64
}

func newSlot(bits uint64) slot {
	s := must(handle.New())
	w := (*atomic.Uint64)(s.Address())
	w.Store(bits)
	return slot{s, w}
}

// rings returns how often the doorbell was rung since it was last asked for.
func (s slot) rings() uint64 {
	var count [8]byte
	if _, err := unix.Read(s.Doorbell(), count[:]); err == unix.EAGAIN {
		return 0
	} else if err != nil {
		panic(err)
	}
	return binary.NativeEndian.Uint64(count[:])
}

// join returns what all the threads together were told.
func join(t testing.TB, threads ...*chandle.Thread) (sum chandle.Told) {
	t.Helper()
	for _, thread := range threads {
		told, err := thread.Join()
		if err != nil {
			t.Error(err)
		}
		sum = sum.Plus(told)
	}
	return sum
}

// must panics, since the tests that hammer call it outside the test's goroutine.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func mustAdd(t testing.TB, handle unsafe.Pointer, n uint64) chandle.Told {
	t.Helper()
	return join(t, must(chandle.Add(handle, n, 1, forEver)))
}

func TestAdd(t *testing.T) {
	added := func(n uint64) chandle.Told { return chandle.Told{Added: n} }
	tooLate, tooMany := chandle.Told{Closed: 1}, chandle.Told{Full: 1}
	for name, test := range map[string]struct {
		word, n uint64
		want    chandle.Told
		after   uint64
		rings   uint64
	}{
		"to nothing":                   {0, 1, added(1), 1, 0},
		"nothing":                      {ring, 0, added(0), ring, 0},
		"where Go takes its lock":      {held + 10, 5, added(5), held + 15, 0},
		"to a sleeper":                 {ring, 7, added(7), 7, 1},
		"to a sleeper behind a lock":   {held + ring + 1, 7, added(7), held + 8, 1},
		"the most in one step":         {ring, large - 1, added(large - 1), large - 1, 1},
		"the least that is large":      {ring, large, added(large), large, 1},
		"large, to nobody":             {held + 1, large, added(large), held + large + 1, 0},
		"to the brim":                  {full - 1, 1, added(1), full, 0},
		"past the brim":                {full - 1, 2, added(2), full + 1, 0},
		"where it is full":             {full, 1, tooMany, full, 0},
		"where it is full, to a lock":  {held + full + 7, 9, tooMany, held + full + 7, 0},
		"where it is full, to sleeper": {ring + full, 1, tooMany, ring + full, 0},
		"large, to the brim":           {ring + full - large, large, added(large), full, 1},
		"large, past the brim":         {ring + full - large + 1, large, tooMany, ring + full - large + 1, 0},
		"large, where it is full":      {full + 5, large, tooMany, full + 5, 0},
		"all that there can be":        {0, full, added(full), full, 0},
		"more than there can be":       {0, full + 1, tooMany, 0, 0},
		"a flag":                       {0, ring, tooMany, 0, 0},
		"-1":                           {held, math.MaxUint64, tooMany, held, 0},
		"after Close":                  {closed + held, 1, tooLate, closed + held, 0},
		"large, after Close":           {closed + held, large, tooLate, closed + held, 0},
		"after Close, to a sleeper":    {closed + ring, 1, tooLate, closed + ring, 0},
		"after Close, full":            {closed + full, 1, tooLate, closed + full, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSlot(test.word)
			defer s.Leave()
			if got := mustAdd(t, s.Address(), test.n); got != test.want {
				t.Errorf("adding %#x to %#x: told %+v, want %+v", test.n, test.word, got, test.want)
			}
			if got := s.word.Load(); got != test.after {
				t.Errorf("adding %#x to %#x made %#x, want %#x", test.n, test.word, got, test.after)
			}
			if got := s.rings(); got != test.rings {
				t.Errorf("adding %#x to %#x rang %d times, want %d", test.n, test.word, got, test.rings)
			}
		})
	}
}

func TestNilHandleIsClosed(t *testing.T) {
	for _, n := range []uint64{1, large} {
		if got, want := mustAdd(t, nil, n), (chandle.Told{Closed: 1}); got != want {
			t.Errorf("adding %d to NULL: told %+v, want %+v", n, got, want)
		}
	}
}

// As long as nobody sleeps no system call is made, for which the doorbell stands.
func TestAwakeConsumerIsNotRung(t *testing.T) {
	s := newSlot(held)
	defer s.Leave()
	var threads []*chandle.Thread
	for range 4 {
		threads = append(threads, must(chandle.Add(s.Address(), 3, 10_000, forEver)))
	}
	if got, want := join(t, threads...), (chandle.Told{Added: 120_000}); got != want {
		t.Errorf("told %+v, want %+v", got, want)
	}
	if got, rings := s.word.Load(), s.rings(); got != held+120_000 || rings != 0 {
		t.Errorf("the word is %#x, rung %d times; want %#x, 0 times", got, rings, held+120_000)
	}
}

func TestOneOfManyRings(t *testing.T) {
	s := newSlot(0)
	defer s.Leave()
	for end := time.Now().Add(time.Second / 2); time.Now().Before(end); {
		s.word.Store(held | ring)
		told, err := chandle.AddTogether(s.Address(), 5, 4)
		if err != nil || told.Added != 20 {
			t.Fatalf("told %+v, %v; want 20 added", told, err)
		}
		if got, rings := s.word.Load(), s.rings(); got != held+20 || rings != 1 {
			t.Fatalf("the word is %#x, rung %d times; want %#x, once", got, rings, held+20)
		}
	}
}

func TestManyFindItFull(t *testing.T) {
	s := newSlot(0)
	defer s.Leave()
	for end := time.Now().Add(time.Second / 4); time.Now().Before(end); {
		s.word.Store(held + full - 1)
		told, err := chandle.AddTogether(s.Address(), 1, 4)
		if want := (chandle.Told{Added: 1, Full: 3}); err != nil || told != want {
			t.Fatalf("told %+v, %v; want %+v", told, err, want)
		}
		if got := s.word.Load(); got != held+full {
			t.Fatalf("the word is %#x, want %#x", got, uint64(held+full))
		}
	}
}

// A thread that has cleared RING is the only one that will ring.
func TestCancelledThreadStillRings(t *testing.T) {
	s := newSlot(ring)
	defer s.Leave()
	told := join(t, must(chandle.AddCancelled(s.Address(), 9)))
	if got, rings := s.word.Load(), s.rings(); told.Added != 9 || got != 9 || rings != 1 {
		t.Errorf("told %+v, the word is %#x, rung %d times; want 9, 9, once", told, got, rings)
	}
}

// A thread that is about to ring when the owner closes is late: the number of the
// doorbell may be a stranger's by now.
func TestThreadBeforeGateDoesNotWrite(t *testing.T) {
	var stranger [2]int
	if err := unix.Pipe2(stranger[:], unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	s := newSlot(ring)
	number := s.Doorbell()
	thread := must(chandle.AddPaused(s.Address()))
	if got := s.word.Swap(closed | held); got != 1 {
		t.Errorf("the word was %#x, want 1", got)
	}
	s.Leave()
	if open(number) {
		t.Error("the doorbell was not closed, though nobody had entered")
	}
	if err := unix.Dup3(stranger[1], number, 0); err != nil {
		t.Fatal(err)
	}
	if got := thread.Finish(); got != 0 {
		t.Errorf("eventchan_add returned %v, though Close has delivered what it added", got)
	}
	var buf [8]byte
	if n, err := unix.Read(stranger[0], buf[:]); err != unix.EAGAIN {
		t.Errorf("the stranger's pipe has %d bytes, error %v; want EAGAIN", n, err)
	}
	if !open(number) {
		t.Error("the stranger's descriptor was closed")
	}
	for _, fd := range []int{stranger[0], stranger[1], number} {
		unix.Close(fd)
	}
}

// One who has entered keeps the doorbell open, writes, and closes it.
func TestThreadBehindGateCloses(t *testing.T) {
	s := newSlot(ring)
	number := s.Doorbell()
	thread := must(chandle.AddPaused(s.Address()))
	thread.Enter()
	other := must(chandle.AddPaused(s.rearm()))
	other.Enter()
	s.word.Store(closed | held)
	s.Leave() // does not wait
	for _, thread := range []*chandle.Paused{thread, other} {
		if !open(number) {
			t.Error("the doorbell was closed before all have left")
		}
		if got := thread.Finish(); got != 0 {
			t.Errorf("eventchan_add returned %v", got)
		}
	}
	if open(number) {
		t.Error("the last to leave has not closed the doorbell")
	}
}

// rearm is what a consumer does that wakes by itself and falls asleep again.
func (s slot) rearm() unsafe.Pointer {
	s.word.Store(held | ring)
	return s.Address()
}

func open(number int) bool {
	_, err := unix.FcntlInt(uintptr(number), unix.F_GETFD, 0)
	return err == nil
}

// RING is cleared before the doorbell rings: the consumer, which may wake and
// fall asleep again at once, sets it for the next signal.
func TestRingIsClearedFirst(t *testing.T) {
	s := newSlot(ring)
	defer s.Leave()
	thread := must(chandle.AddPaused(s.Address()))
	if got := s.word.Load(); got != 1 {
		t.Errorf("the word is %#x, want 1 without RING", got)
	}
	thread.Enter()
	if rings := s.rings(); rings != 0 {
		t.Errorf("rung %d times before the write", rings)
	}
	s.rearm()
	thread.Finish()
	if got, rings := s.word.Load(), s.rings(); got != held|ring || rings != 1 {
		t.Errorf("the word is %#x, rung %d times; want %#x, as the consumer left it, once", got, rings, uint64(held|ring))
	}
}

// The last to leave closes the doorbell, once, and nobody names it afterwards:
// else strangers, who get its number at once, are written to or closed.
func TestCloseAgainstThreads(t *testing.T) {
	defer hammer.Strangers(t)()
	hammer.For(time.Second/2, 2, func() {
		s := newSlot(held)
		var threads []*chandle.Thread
		for range 3 {
			threads = append(threads, must(chandle.Add(s.Address(), 1, forEver, 3)))
		}
		threads = append(threads, must(chandle.AddInterrupted(s.Address(), 1, forEver, 3)))
		var taken uint64
		for range 10 {
			taken += s.word.Swap(held|ring) & (held - 1)
			for s.word.Load()&ring != 0 {
				runtime.Gosched()
			}
		}
		taken += s.word.Swap(closed|held) & (held - 1) // now that someone is about to ring
		s.Leave()
		told := join(t, threads...)
		if told.Added != taken || told.Full != 0 || told.Closed < 4*3 {
			t.Errorf("told %+v, taken %d", told, taken)
		}
		if got := s.word.Load(); got != closed|held {
			t.Errorf("in the word is left %#x, want %#x", got, uint64(closed|held))
		}
	})
}
