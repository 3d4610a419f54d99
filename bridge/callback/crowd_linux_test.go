//go:build cgo && !mips && !mipsle && (!arm || arm.7)

package callback_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/eventchan/eventchan/internal/testing/chandle"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/notify"
)

// These tests use many handles at the same time, which all share one doorbell.

// A crowd is a number of Notifiers, each with a goroutine that receives.
type crowd struct {
	notifiers []*notify.Notifier
	handles   []unsafe.Pointer
	received  atomic.Uint64
	receivers sync.WaitGroup
}

func newCrowd(size int) *crowd {
	c := new(crowd)
	for i := range size {
		n, handle := newNotifier()
		c.notifiers, c.handles = append(c.notifiers, n), append(c.handles, handle)
		switch i % 3 {
		case 0:
			c.receivers.Go(func() { c.wait(n) })
		case 1:
			c.receivers.Go(func() { c.waitBriefly(n) })
		case 2:
			values := n.C()
			c.receivers.Go(func() {
				for count := range values {
					c.received.Add(count)
				}
			})
		}
	}
	return c
}

func (c *crowd) wait(n *notify.Notifier) {
	for {
		count, err := n.Wait(context.Background())
		c.received.Add(count)
		if err != nil {
			return
		}
	}
}

// waitBriefly waits again and again, and most of the time gives up.
func (c *crowd) waitBriefly(n *notify.Notifier) {
	for {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.N(200))*time.Microsecond)
		count, err := n.Wait(ctx)
		c.received.Add(count)
		if err != nil && ctx.Err() == nil {
			cancel()
			return
		}
		cancel()
	}
}

func (c *crowd) close() {
	for _, n := range c.notifiers {
		n.Close()
	}
	c.receivers.Wait()
}

// mustReceive waits until everything that threads have added is received. No later signal
// can make up for a lost wake-up.
func (c *crowd) mustReceive(t *testing.T, answers chandle.Answers) {
	t.Helper()
	hammer.Eventually(t, func() string {
		return fmt.Sprintf("received %d, answers %+v", c.received.Load(), answers)
	}, func() bool { return c.received.Load() == answers.Added })
	if answers.Full != 0 {
		t.Errorf("answers %+v, but nothing was full", answers)
	}
}

// Each of a thousand receivers is woken by a single signal.
func TestThousandHandles(t *testing.T) {
	const size = 1000
	c := newCrowd(size)
	defer c.close()
	for round := range uint64(3) {
		answers := join(t, must(chandle.AddEach(c.handles, 1, 1)))
		if answers != (chandle.Answers{Added: size}) {
			t.Fatalf("answers %+v, want %d added", answers, size)
		}
		answers.Added *= round + 1
		c.mustReceive(t, answers)
	}
}

// Every add that returned 0 is received, while handles are created and closed. Handles that
// stay open need no Close for that.
func TestCrowdConservesWhatThreadsAdd(t *testing.T) {
	for deadline := time.Now().Add(time.Second / 2); time.Now().Before(deadline); {
		c := newCrowd(100)
		var threads []*chandle.Thread
		for i := range 3 {
			handles := slices.Clone(c.handles)
			rand.Shuffle(len(handles), func(i, j int) { handles[i], handles[j] = handles[j], handles[i] })
			start := []func([]unsafe.Pointer, uint64, int) (*chandle.Thread, error){
				chandle.AddEach, chandle.AddEachInterrupted, chandle.AddEach,
			}[i]
			threads = append(threads, must(start(handles, uint64(i+1), 10)))
		}
		// Close only Notifiers whose C is in use: the pending count goes there even if no
		// goroutine is waiting at that moment.
		for i := 2; i < len(c.notifiers); i += 3 * (1 + rand.N(6)) {
			hammer.Delay(100)
			c.notifiers[i].Close()
			n, _ := newNotifier()
			n.Close()
		}
		c.mustReceive(t, join(t, threads...))
		c.close()
	}
}

// A new handle works after the last one was closed, which ends the doorbell's goroutine,
// even while late threads are still pushing.
func TestFirstAndLastHandle(t *testing.T) {
	late := chandle.Answers{Closed: 1}
	hammer.For(time.Second/2, 1, func() {
		n, handle := newNotifier()
		thread := must(chandle.Add(handle, 1, forever, 2))
		if _, err := n.Wait(context.Background()); err != nil {
			t.Error(err)
		}
		n.Close()
		n, next := newNotifier()
		answers := mustAdd(t, next, 7)
		if count, err := n.Wait(context.Background()); answers.Added != 7 || count != 7 || err != nil {
			t.Errorf("answers %+v, received %d, %v; want 7", answers, count, err)
		}
		join(t, thread)
		n.Close()
		if answers := mustAdd(t, next, 7); answers != late {
			t.Errorf("answers %+v after Close, want %+v", answers, late)
		}
	})
}
