//go:build unix

package semaphore_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/semaphore"
)

// eachSignaler runs a test with permits that do not come from Go code. A goroutine that has to
// wait for an eventfd and a handle together does not lead.
func eachSignaler(t *testing.T, test func(t *testing.T, release func(*semaphore.Semaphore, int64))) {
	if !rawefd.HasDoorbell {
		t.Skip("this system has no doorbell, without which no goroutine leads")
	}
	for _, way := range append(anySize[1:], way{"handle", signal}) {
		if mode.Is("exported") && way.name == "handle" || mode.Is("handle") && way.name != "handle" {
			continue
		}
		t.Run(way.name, func(t *testing.T) {
			if way.name != "handle" && !rawefd.NestedEdges() {
				t.Skip("here a poller does not see every event of a nested epoll instance, so no goroutine leads for an eventfd")
			}
			test(t, way.release)
		})
	}
}

// acquireOften has a goroutine Acquire so often that it leads.
func acquireOften(t *testing.T, ctx context.Context, s *semaphore.Semaphore, release func(*semaphore.Semaphore, int64)) {
	t.Helper()
	for range 100 {
		c := newCrowd(s)
		waiter := c.join(ctx, 1)
		release(s, 1)
		c.want(t, waiter, nil)
	}
}

// A goroutine that waits alone, again and again, is woken without another goroutine, as a
// read of an os.File is.
func TestLoneWaiterLeads(t *testing.T) { eachSignaler(t, loneWaiterLeads) }

func loneWaiterLeads(t *testing.T, release func(*semaphore.Semaphore, int64)) {
	s := mustNew(t, 0)
	acquireOften(t, background, s, release)
	// Much time can pass between two waits on a busy machine, but not always.
	row := 0
	hammer.Eventually(t, func() string { return "a goroutine that waits alone does not lead each time" }, func() bool {
		c := newCrowd(s)
		waiter := c.join(background, 1)
		row++
		if !leading() || keepers() > 0 {
			row = 0
		}
		release(s, 1)
		c.want(t, waiter, nil)
		return row == 5
	})
}

// A goroutine that leads leads again if another one was quicker to take the permit for which
// it was woken.
func TestOvertakenLeaderLeadsAgain(t *testing.T) {
	if !rawefd.HasDoorbell || mode.Is("exported") {
		return // without a handle no waiter is overtaken
	}
	s := mustNew(t, 0)
	hammer.Eventually(t, func() string { return "a leader that was overtaken does not lead again" }, func() (again bool) {
		acquireOften(t, background, s, signal)
		c := newCrowd(s)
		waiter := c.join(background, 1)
		if !semaphore.RouseAndRob(s) {
			c.want(t, waiter, nil)
			return false
		}
		for semaphore.Roused(s) {
			runtime.Gosched()
		}
		for turn := 0; turn < 1000 && !again; turn++ {
			again = leading() && keepers() == 0
			runtime.Gosched()
		}
		signal(s, 1)
		c.want(t, waiter, nil)
		return again
	})
}

func leading() bool { return strings.Contains(stacks(), "lead.(*Leader).Sleep") }

// keepers returns how many goroutines wait for events for others.
func keepers() int {
	return strings.Count(stacks(), "created by github.com/eventchan/eventchan/internal/lead.")
}

func stacks() string {
	all := make([]byte, 1<<20)
	return string(all[:runtime.Stack(all, true)])
}

// With a second waiter, both are served in order, and so is one that needs several permits.
func TestLeaderIsJoined(t *testing.T) { eachSignaler(t, leaderIsJoined) }

func leaderIsJoined(t *testing.T, release func(*semaphore.Semaphore, int64)) {
	s := mustNew(t, 0)
	acquireOften(t, background, s, release)
	c := newCrowd(s)
	first := c.join(background, 1)
	second := c.join(background, 2)
	third := c.join(background, 1)
	release(s, 1)
	c.want(t, first, nil)
	release(s, 2)
	c.want(t, second, nil)
	release(s, 1)
	c.want(t, third, nil)
	wantCount(t, s, 0)
}

// A goroutine that leads is woken by the end of its context. It follows the context
// once for many waits.
func TestLeaderSeesTheEndOfItsContext(t *testing.T) { eachSignaler(t, leaderSeesTheEndOfItsContext) }

func leaderSeesTheEndOfItsContext(t *testing.T, release func(*semaphore.Semaphore, int64)) {
	inner, cancel := context.WithCancel(background)
	defer cancel()
	ctx := &hammer.CountedContext{Context: inner}
	s := mustNew(t, 0)
	// The goroutine of the doorbell stays awake for a while after the tests before this one.
	hammer.Eventually(t, func() string { return "no goroutine leads" }, func() bool {
		acquireOften(t, ctx, s, release)
		return ctx.Followed.Load() > 0
	})
	acquireOften(t, ctx, s, release)
	if got := ctx.Followed.Load(); got != 1 {
		t.Errorf("hundreds of waits began to follow the context %d times, want once", got)
	}
	c := newCrowd(s)
	waiter := c.join(ctx, 1)
	cancel()
	c.want(t, waiter, context.Canceled)
}

func TestCloseLeavesNothingWithTheContext(t *testing.T) { eachSignaler(t, closeLeavesNothing) }

func closeLeavesNothing(t *testing.T, release func(*semaphore.Semaphore, int64)) {
	inner, cancel := context.WithCancel(background)
	defer cancel()
	ctx := &hammer.CountedContext{Context: inner}
	s := mustNew(t, 0)
	acquireOften(t, ctx, s, release)
	s.Close()
	hammer.Eventually(t, func() string { return "the context is still followed after Close" }, func() bool {
		return hammer.Followers() == 0
	})
}

// A Release of Go, and Close, wake a goroutine that leads.
func TestLeaderIsWokenByGo(t *testing.T) { eachSignaler(t, leaderIsWokenByGo) }

func leaderIsWokenByGo(t *testing.T, release func(*semaphore.Semaphore, int64)) {
	s := mustNew(t, 0)
	acquireOften(t, background, s, release)
	c := newCrowd(s)
	waiter := c.join(background, 1)
	s.Release(1)
	c.want(t, waiter, nil)
	acquireOften(t, background, s, release)
	c.join(background, 1)
	s.Close()
	if got := <-c.arrivals; got.err == nil {
		t.Error("Acquire = nil after Close")
	}
}

// A wait that leads allocates nothing.
func TestLeaderDoesNotAllocate(t *testing.T) {
	if !rawefd.HasDoorbell {
		t.Skip("this system has no doorbell, without which no goroutine leads")
	}
	s := mustNew(t, 0)
	s.Handle()
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	wanted := make(chan int)
	defer close(wanted)
	go func() {
		for range wanted {
			for semaphore.Waiting(s) == 0 {
				runtime.Gosched()
			}
			signal(s, 1)
		}
	}()
	wait := func() {
		wanted <- 1
		if err := s.Acquire(ctx, 1); err != nil {
			t.Errorf("Acquire = %v", err)
		}
	}
	for range 100 {
		wait()
	}
	wantNoAllocs(t, "Acquire that waits alone", wait)
}

// However a lone waiter leads, gives up or is overtaken, and wherever permits come from, it
// does not sleep over a permit.
func TestLoneWaiterDoesNotSleepOverAPermit(t *testing.T) {
	eachSignaler(t, loneWaiterDoesNotSleepOverAPermit)
}

func loneWaiterDoesNotSleepOverAPermit(t *testing.T, release func(*semaphore.Semaphore, int64)) {
	s := mustNew(t, 0)
	hammer.For(2*time.Second, 1, func() {
		const permits = 30
		var taken atomic.Int64
		ctx, end := context.WithCancel(background)
		take := func() {
			if taken.Add(1) == permits {
				end()
			}
		}
		var all sync.WaitGroup
		all.Go(func() {
			for range permits {
				if rand.IntN(8) == 0 {
					s.Release(1)
				} else {
					release(s, 1)
				}
				pass()
			}
		})
		all.Go(func() { // overtakes, but ends, so that it does not take what the other sleeps over
			for range permits / 2 {
				if s.TryAcquire(1) {
					if rand.IntN(2) == 0 {
						take()
					} else {
						release(s, 1)
					}
				}
				pass()
			}
		})
		for ctx.Err() == nil {
			once, cancel := ctx, func() {}
			if rand.IntN(8) == 0 {
				once, cancel = context.WithTimeout(ctx, time.Duration(rand.IntN(20))*time.Microsecond)
			}
			if s.Acquire(once, 1) == nil {
				take()
			}
			cancel()
		}
		all.Wait()
	})
	wantCount(t, s, 0)
}

// pass lets a little time pass.
func pass() {
	hammer.Delay(4)
}
