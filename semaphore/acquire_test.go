package semaphore_test

import (
	"context"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/semaphore"
)

// An arrival is what a waiter woke with.
type arrival struct {
	who int
	err error
}

// A crowd starts goroutines that Acquire, each only when the one before it
// sleeps.
type crowd struct {
	s        *semaphore.Semaphore
	size     int
	arrivals chan arrival
}

func newCrowd(s *semaphore.Semaphore) *crowd {
	return &crowd{s: s, arrivals: make(chan arrival, 1000)}
}

func (c *crowd) join(ctx context.Context, n int64) (who int) {
	who = c.size
	c.size++
	before := semaphore.Waiting(c.s)
	go func() { c.arrivals <- arrival{who, c.s.Acquire(ctx, n)} }()
	for semaphore.Waiting(c.s) == before {
		runtime.Gosched()
	}
	return who
}

func (c *crowd) want(t *testing.T, who int, err error) {
	t.Helper()
	got := <-c.arrivals
	if got.who != who {
		t.Errorf("waiter %d woke with %v, want waiter %d", got.who, got.err, who)
	}
	if err == nil && got.err != nil {
		t.Errorf("waiter %d got %v", who, got.err)
	} else if err != nil {
		wantIs(t, "Acquire of a waiter", got.err, err)
	}
}

func TestWaitersAreServedInOrder(t *testing.T) { eachWay(t, waitersAreServedInOrder) }

func waitersAreServedInOrder(t *testing.T, release func(*semaphore.Semaphore, int64)) {
	s := mustNew(t, 0)
	c := newCrowd(s)
	for range 50 {
		c.join(background, 1)
	}
	for who := range 50 {
		release(s, 1)
		c.want(t, who, nil)
	}
}

// Nobody passes a waiter that needs more than are free.
func TestLargeAcquireIsNotStarved(t *testing.T) { eachWay(t, largeAcquireIsNotStarved) }

func largeAcquireIsNotStarved(t *testing.T, release func(*semaphore.Semaphore, int64)) {
	s := mustNew(t, 0)
	c := newCrowd(s)
	large := c.join(background, 3)
	small := c.join(background, 1)
	release(s, 2)
	wantTry(t, s, 1, false)
	wantCount(t, s, 2) // the waiter keeps nothing in hand
	release(s, 1)
	c.want(t, large, nil)
	release(s, 1)
	c.want(t, small, nil)
}

func TestCancelledLargeAcquireLetsOthersGoOn(t *testing.T) {
	s := mustNew(t, 2)
	c := newCrowd(s)
	ctx, cancel := context.WithCancel(background)
	large := c.join(ctx, 3)
	small := c.join(background, 1)
	cancel()
	// Either may be the first to wake.
	for range 2 {
		got := <-c.arrivals
		if got.who == large {
			wantIs(t, "the cancelled Acquire", got.err, context.Canceled)
		} else if got.who != small || got.err != nil {
			t.Errorf("waiter %d got %v", got.who, got.err)
		}
	}
	wantCount(t, s, 1)
}

func TestCancellingOneOfHundredDisturbsNone(t *testing.T) {
	eachWay(t, cancellingOneOfHundredDisturbsNone)
}

func cancellingOneOfHundredDisturbsNone(t *testing.T, release func(*semaphore.Semaphore, int64)) {
	s := mustNew(t, 0)
	c := newCrowd(s)
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	for i := range 100 {
		if i == 42 {
			c.join(ctx, 1)
		} else {
			c.join(background, 1)
		}
	}
	cancel()
	c.want(t, 42, context.Canceled)
	for who := range 100 {
		if who != 42 {
			release(s, 1)
			c.want(t, who, nil)
		}
	}
	wantCount(t, s, 0)
}

// The permit goes to the next.
func TestAcquireWhoseContextEndedFirstFails(t *testing.T) {
	eachWay(t, acquireWhoseContextEndedFirstFails)
}

func acquireWhoseContextEndedFirstFails(t *testing.T, release func(*semaphore.Semaphore, int64)) {
	for range 2000 {
		s := mustNew(t, 0)
		c := newCrowd(s)
		ctx, cancel := context.WithCancel(background)
		first := c.join(ctx, 1)
		second := c.join(background, 1)
		cancel()
		release(s, 1)
		for range 2 {
			got := <-c.arrivals
			if got.who == first {
				wantIs(t, "the cancelled Acquire", got.err, context.Canceled)
			} else if got.who != second || got.err != nil {
				t.Fatalf("waiter %d got %v", got.who, got.err)
			}
		}
		s.Close()
	}
}

func TestCloseWakesWaiters(t *testing.T) {
	s := mustNew(t, 1)
	c := newCrowd(s)
	for n := range int64(20) {
		c.join(background, 2+n)
	}
	s.Close()
	for range 20 {
		got := <-c.arrivals
		wantIs(t, "Acquire", got.err, os.ErrClosed)
	}
}

// Two who each want all never wait for each other, though both take one by one.
func TestTwoWhoWantAllDoNotWaitForEachOther(t *testing.T) {
	const permits, rounds = 5, 500
	one := mustNew(t, permits)
	fd, err := unix.FcntlInt(uintptr(one.FD()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	other, err := semaphore.FromFD(fd) // knows nothing of one, like another process
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	done := make(chan struct{})
	holders := make(chan struct{}, 1)
	for _, s := range []*semaphore.Semaphore{one, other} {
		go func() {
			for range rounds {
				mustAcquire(t, s, permits)
				select {
				case holders <- struct{}{}:
				default:
					t.Error("two hold all permits at once")
				}
				<-holders
				s.Release(permits)
			}
			done <- struct{}{}
		}()
	}
	<-done
	<-done
	wantCount(t, one, permits)
}
