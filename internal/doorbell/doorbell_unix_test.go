//go:build unix

package doorbell_test

import (
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/eventchan/eventchan/internal/doorbell"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/handletest"
	"github.com/eventchan/eventchan/internal/testing/leaktest"
	"github.com/eventchan/eventchan/internal/word"
)

func TestMain(m *testing.M) { leaktest.Main(m.Run) }

// A consumer always waits for more, as a Notifier does after a call of C.
type consumer struct {
	bell *doorbell.Bell

	mu     sync.Mutex
	closed bool
	taken  atomic.Uint64
}

func newConsumer(t testing.TB) *consumer {
	c := new(consumer)
	c.mu.Lock() // the doorbell can call Look as soon as Await has begun
	defer c.mu.Unlock()
	var err error
	if c.bell, err = doorbell.New(c); err != nil {
		t.Fatal(err)
	}
	c.word().Store(0, word.Ring|word.Held)
	c.bell.Await()
	return c
}

func (c *consumer) word() *word.Word { return &c.bell.Slot().Word }

func (c *consumer) handle() unsafe.Pointer { return c.bell.Slot().Address() }

func (c *consumer) Look() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.closed {
		took := c.word().TakeUpTo(math.MaxUint64)
		c.taken.Add(took)
		c.bell.Took(took)
		if c.word().Sleep(1, word.Ring|word.Held) {
			break
		}
	}
}

// close ends the consumer as a Notifier does.
func (c *consumer) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	left, _ := c.word().Swap(word.Closed | word.Held)
	c.taken.Add(left)
	c.closed = true
	c.bell.Close()
}

func (c *consumer) mustTake(t testing.TB, want uint64) {
	t.Helper()
	hammer.Eventually(t, func() string { return "a consumer slept through its signals" },
		func() bool { return c.taken.Load() >= want })
	if got := c.taken.Load(); got != want {
		t.Errorf("%d taken, want %d", got, want)
	}
}

// Signals to many handles wake each consumer, even if the handles fill more than one page of
// Slots.
func TestEachConsumerHearsOfItsOwnSlot(t *testing.T) {
	all := make([]*consumer, 150)
	seen := make(map[unsafe.Pointer]bool)
	for i := range all {
		all[i] = newConsumer(t)
		defer all[i].close()
		h := all[i].handle()
		if uintptr(h)%64 != 0 || seen[h] {
			t.Errorf("slot %d is at %p, seen before: %v; want a multiple of 64, never seen", i, h, seen[h])
		}
		seen[h] = true
	}
	for round := range uint64(3) {
		for i, c := range all {
			handletest.Signal(c.handle(), uint64(i+1))
		}
		for i, c := range all {
			c.mustTake(t, uint64(i+1)*(round+1))
		}
	}
}

// A Slot that was pushed before its consumer closed is ignored, and others are still served.
func TestClosedSlotOnTheStackIsHarmless(t *testing.T) {
	hammer.For(time.Second/4, 1, func() {
		late, other := newConsumer(t), newConsumer(t)
		defer other.close()
		late.mu.Lock() // makes the doorbell's goroutine wait
		handletest.Signal(late.handle(), 7)
		hammer.Delay(20)
		late.mu.Unlock()
		late.close()
		if handletest.Signal(late.handle(), 1) {
			t.Error("a signal after Close was accepted")
		}
		if got := late.taken.Load(); got != 7 {
			t.Errorf("%d taken until Close, want 7", got)
		}
		handletest.Signal(other.handle(), 3)
		other.mustTake(t, 3)
	})
}

// goroutines returns how many goroutines of the doorbell there are.
func goroutines() int {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return strings.Count(string(stacks), "created by github.com/eventchan/eventchan/internal/lead.")
}

// There is one goroutine while a consumer of a handle sleeps, and none after the last
// handle was closed, however quickly handles are opened and closed.
func TestGoroutineEndsWithTheLastHandle(t *testing.T) {
	none := func() bool { return goroutines() == 0 }
	hammer.Eventually(t, func() string { return "a goroutine was there before" }, none)
	a, b := newConsumer(t), newConsumer(t)
	if got := goroutines(); got != 1 {
		t.Errorf("%d goroutines for two handles, want 1", got)
	}
	a.close()
	handletest.Signal(b.handle(), 1)
	b.mustTake(t, 1)
	b.close()
	hammer.Eventually(t, func() string { return "the goroutine does not end" }, none)
	hammer.For(time.Second/4, 2, func() {
		c := newConsumer(t)
		handletest.Signal(c.handle(), 2)
		if rand.IntN(2) == 0 {
			c.mustTake(t, 2)
		}
		c.close()
		if got := c.taken.Load(); got != 2 {
			t.Errorf("%d taken, want 2", got)
		}
	})
	hammer.Eventually(t, func() string { return "the goroutine does not end" }, none)
}

// Every accepted signal is taken, even if handles are made and closed all
// the time, and a sleeping consumer is woken by every signal.
func TestNoSignalIsLostAmongManyHandles(t *testing.T) {
	hammer.For(time.Second, 2, func() {
		all := make([]*consumer, 20)
		for i := range all {
			all[i] = newConsumer(t)
		}
		var added [20]atomic.Uint64
		var signalers sync.WaitGroup
		for s := range 3 {
			signalers.Go(func() {
				for round := range 40 {
					i := (round*7 + s*5) % len(all)
					if handletest.Signal(all[i].handle(), uint64(1+s)) {
						added[i].Add(uint64(1 + s))
					}
					if round%8 == 0 {
						runtime.Gosched() // so that consumers fall asleep
					}
				}
			})
		}
		for i := range 5 {
			all[i].close() // while the signalers are running
		}
		signalers.Wait()
		for i := range all {
			if i >= 5 {
				all[i].mustTake(t, added[i].Load())
				all[i].close()
			}
			if got, want := all[i].taken.Load(), added[i].Load(); got != want {
				t.Errorf("handle %d: %d taken, %d accepted", i, got, want)
			}
		}
	})
}

// The last signal of a stream to a hot Slot is taken, whenever the stream ends.
func TestLastSignalOfAStreamIsTaken(t *testing.T) {
	c, other := newConsumer(t), newConsumer(t)
	defer c.close()
	defer other.close()
	var sent, sentOther uint64
	hammer.For(time.Second/2, 1, func() {
		for range rand.IntN(300) {
			handletest.Signal(c.handle(), 1)
			sent++
		}
		hammer.Delay(200)
		handletest.Signal(c.handle(), 1)
		sent++
		if rand.IntN(2) == 0 { // not always, because it wakes the goroutine for both
			handletest.Signal(other.handle(), 1)
			sentOther++
		}
		c.mustTake(t, sent)
		other.mustTake(t, sentOther)
	})
}

// An index that was given out is never given out again, because a late thread can still push it.
func TestIndexesEnd(t *testing.T) {
	given, err := doorbell.AddLast(3)
	if given != 3 || err == nil {
		t.Errorf("%d of the last 3 indexes were given out (%v), want all, and then an error", given, err)
	}
}
