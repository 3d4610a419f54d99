package semaphore_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/semaphore"
)

// inBubble runs f in a testing/synctest bubble. It does so once and not in each mode, because
// only a private Semaphore works there.
func inBubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	if mode.Is("private") {
		synctest.Test(t, f)
	}
}

// private returns a Semaphore that the caller closes.
func private(t *testing.T, permits int64) *semaphore.Semaphore {
	t.Helper()
	s, err := semaphore.New(permits)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A line is a queue of goroutines that call Acquire, each only when the one before it is waiting.
type line struct {
	t      *testing.T
	s      *semaphore.Semaphore
	size   int
	mu     sync.Mutex
	served []int
	failed []error
}

// join starts a goroutine that acquires n permits and keeps them.
func (l *line) join(ctx context.Context, n int64) {
	waiter := l.size
	l.size++
	go func() {
		err := l.s.Acquire(ctx, n)
		l.mu.Lock()
		defer l.mu.Unlock()
		if err != nil {
			l.failed = append(l.failed, err)
		} else {
			l.served = append(l.served, waiter)
		}
	}()
	synctest.Wait() // it is durably blocked, or has its permits
}

// want fails the test unless exactly these goroutines have been served.
func (l *line) want(waiter ...int) {
	l.t.Helper()
	synctest.Wait()
	if !slices.Equal(l.served, waiter) {
		l.t.Errorf("served are %v, want %v", l.served, waiter)
	}
}

func TestBubbleSeesWaitersBlocked(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := private(t, 1)
		defer s.Close()
		l := &line{t: t, s: s}
		for _, n := range []int64{1, 1, 3, 1} {
			l.join(t.Context(), n)
		}
		l.want(0)
		s.Release(1)
		l.want(0, 1)
		s.Release(2) // too few for the next waiter, which is not overtaken
		l.want(0, 1)
		s.Release(1)
		l.want(0, 1, 2)
		s.Release(1)
		l.want(0, 1, 2, 3)
	})
}

func TestBubbleHasTheDeadlineOfAcquire(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := private(t, 1)
		defer s.Close()
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := s.Acquire(ctx, 2); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Acquire = %v, want context.DeadlineExceeded", err)
		}
		if took := time.Since(start); took != time.Hour {
			t.Errorf("Acquire took %v of the bubble's time, want an hour", took)
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		time.AfterFunc(time.Minute, func() { s.Release(1) })
		if err := s.Acquire(ctx, 2); err != nil {
			t.Errorf("Acquire = %v", err)
		}
		if took := time.Since(start); took != time.Hour+time.Minute {
			t.Errorf("both took %v of the bubble's time, want an hour and a minute", took)
		}
		if s.TryAcquire(1) {
			t.Error("TryAcquire = true, but all permits are taken")
		}
	})
}

func TestBubbleSeesReceiverOfCBlocked(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := private(t, 0)
		var got int
		open := true
		go func() {
			for range s.C() {
				got++
			}
			open = false
		}()
		synctest.Wait()
		for i := range 3 {
			s.Release(1)
			synctest.Wait()
			if got != i+1 {
				t.Errorf("received %d permits of %d", got, i+1)
			}
		}
		s.Close()
		synctest.Wait()
		if open {
			t.Error("C is open after Close")
		}
	})
}

// While C has reserved a permit it has a goroutine, which ends with Close.
func TestBubbleHoldsTheGoroutineOfC(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := private(t, 2)
		s.C()
		synctest.Wait()
		if free, err := s.Count(); free != 1 || err != nil {
			t.Errorf("Count = %d, %v; want 1, because C has reserved one of 2", free, err)
		}
		s.Close()
	})
}

func TestBubbleIsLeftByCloseOfEveryWaiter(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := private(t, 0)
		l := &line{t: t, s: s}
		for n := range int64(5) {
			l.join(context.Background(), 1+n%2)
		}
		s.Close()
		l.want()
		if len(l.failed) != 5 || !errors.Is(errors.Join(l.failed...), os.ErrClosed) {
			t.Errorf("the waiters got %v, want 5 times os.ErrClosed", l.failed)
		}
	})
}

// A Semaphore that was made outside a bubble works in the bubble, outside again, and then in
// another bubble: nothing of the first bubble is left in it.
func TestBubbleLeavesNothingInASemaphore(t *testing.T) {
	if !mode.Is("private") {
		return
	}
	t.Run("New", func(t *testing.T) { bubbleLeavesNothing(t, private(t, 0)) })
	t.Run("NewWeighted", func(t *testing.T) {
		s := semaphore.NewWeighted(1)
		mustAcquire(t, s, 1)
		bubbleLeavesNothing(t, s)
	})
}

func bubbleLeavesNothing(t *testing.T, s *semaphore.Semaphore) {
	defer s.Close()
	use := func(t *testing.T) {
		for i := range 4 { // one more waiter each time
			results := make(chan error, i)
			ctx, cancel := context.WithCancel(context.Background())
			for range i {
				go func() { results <- s.Acquire(ctx, 1) }()
			}
			for range i - 1 {
				s.Release(1)
				if err := <-results; err != nil {
					t.Errorf("Acquire = %v", err)
				}
			}
			cancel()
			if i > 0 {
				if err := <-results; err != context.Canceled {
					t.Errorf("Acquire = %v, want context.Canceled", err)
				}
			}
			if s.TryAcquire(1) {
				t.Errorf("with %d waiters a permit is left, want none", i)
			}
		}
	}
	use(t)
	synctest.Test(t, use)
	use(t)
	synctest.Test(t, use)
	use(t)
}

// A goroutine that waits in a bubble for a Semaphore that NewWeighted made outside is durably blocked,
// as with golang.org/x/sync/semaphore.
func TestBubbleSeesAWaiterOfAWeightedFromOutsideBlocked(t *testing.T) {
	if !mode.Is("private") {
		return
	}
	s := semaphore.NewWeighted(2)
	watchdog := time.AfterFunc(20*time.Second, func() { s.Close() }) // in place of a test that hangs
	for range 2 {
		outside := newCrowd(s)
		mustAcquire(t, s, 2)
		ctx, cancel := context.WithCancel(background)
		canceled := outside.join(ctx, 1)
		cancel()
		outside.want(t, canceled, context.Canceled)
		served := outside.join(background, 2)
		s.Release(2)
		outside.want(t, served, nil)
		s.Release(2)
		synctest.Test(t, func(t *testing.T) {
			l := &line{t: t, s: s}
			for _, n := range []int64{1, 2, 1} {
				l.join(t.Context(), n)
			}
			l.want(0)
			s.Release(1)
			l.want(0, 1)
			s.Release(2)
			l.want(0, 1, 2)
			s.Release(1)
		})
	}
	if !watchdog.Stop() {
		t.Error("a waiter was not durably blocked")
	}
}

// However many goroutines are receiving from C, the lock is released after a number of permits. The
// others are received later.
func TestServingCEnds(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		const receivers = 1000
		s := private(t, 0)
		c := s.C()
		var all sync.WaitGroup
		for range receivers {
			all.Go(func() { <-c })
		}
		synctest.Wait()
		left, err := semaphore.Hand(s, receivers)
		if err != nil || left < receivers-100 {
			t.Errorf("Hand = %d permits left, error %v; want most of %d left", left, err, receivers)
		}
		all.Wait()
		s.Close()
	})
}
