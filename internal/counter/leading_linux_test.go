package counter_test

import (
	"context"
	"testing"

	"github.com/eventchan/eventchan/internal/counter"
	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
)

// A sleeper waits for something that never comes.
type sleeper struct{}

func (sleeper) Served() bool { return false }

// A goroutine that leaves the post to the keeper before it has waited looks for a count. It has not
// looked before, and the edge of a count that is there can be gone.
func TestLeaderThatDoesNotWaitLooks(t *testing.T) {
	if !rawefd.NestedEdges() {
		t.Skip("no goroutine leads for an eventfd here")
	}
	defer func(steady uint8) { counter.Steady = steady }(counter.Steady)
	counter.Steady = 0
	looked := make(served, 1)
	c, other := new(counter.Counter), newCounter(t, 0)
	c.Init(0, false, nil, looked)
	t.Cleanup(func() { end(c) })
	lock(t, c, func() { export(t, c) })
	hammer.Eventually(t, func() string { return "no goroutine leads" }, func() (leads bool) {
		lock(t, c, func() {
			if err := c.Prepare(); err != nil {
				t.Fatal(err)
			}
			if leads = c.Lead(nil, sleeper{}, true); !leads {
				c.Rest()
				c.Add(1) // the keeper goes when it sees the event
				c.TakeAll()
			}
		})
		return leads
	})
	select {
	case <-looked: // of that event
	default:
	}
	lock(t, other, func() {
		export(t, other)
		if err := other.Arm(); err != nil { // with a second source, a leader leaves the post
			t.Fatal(err)
		}
	})
	c.SleepLeading()
	select {
	case <-looked:
	default:
		t.Error("the goroutine goes on to sleep, and has not looked for a count")
	}
}

// A context is followed if that lets a goroutine lead, and not where none can: an object with both an eventfd
// and a handle.
func TestContextIsFollowedOnlyToLead(t *testing.T) {
	if !rawefd.HasDoorbell {
		return
	}
	defer func(steady uint8) { counter.Steady = steady }(counter.Steady)
	counter.Steady = 0
	for _, exported := range []bool{false, true} {
		inner, cancel := context.WithCancel(context.Background())
		ctx := &hammer.CountedContext{Context: inner}
		c := newCounter(t, 0)
		lock(t, c, func() {
			if _, err := c.Handle(false); err != nil {
				t.Fatal(err)
			}
			if exported {
				export(t, c)
			}
			if c.JoinRow(ctx.Done(), true) {
				t.Error("a goroutine leads whose context is not followed")
			}
		})
		c.Follow(ctx, ctx.Done())
		if got := ctx.Followed.Load() > 0; got == exported {
			t.Errorf("the context is followed: %v, exported: %v", got, exported)
		}
		cancel()
	}
}
