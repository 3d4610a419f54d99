package semaphore_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/handletest"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/semaphore"
)

var background = context.Background()

func mustNew(t testing.TB, permits int64) *semaphore.Semaphore {
	t.Helper()
	s, err := mode.Semaphore(permits)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func mustAcquire(t testing.TB, s *semaphore.Semaphore, n int64) {
	t.Helper()
	if err := s.Acquire(background, n); err != nil {
		t.Errorf("Acquire(%d) = %v", n, err)
	}
}

// A way is how a test releases permits of a Semaphore.
type way struct {
	name    string
	release func(s *semaphore.Semaphore, n int64)
}

// anySize are the ways that release any number of permits. Linux has a second one.
var anySize = []way{{"Release", (*semaphore.Semaphore).Release}}

// eachWay runs a test with permits that Go code releases, which reach a waiter directly, and
// with permits that come from elsewhere: through the eventfd, as other processes release them,
// and through a handle, as C threads do.
func eachWay(t *testing.T, test func(t *testing.T, release func(*semaphore.Semaphore, int64))) {
	for _, way := range anySize {
		t.Run(way.name, func(t *testing.T) { test(t, way.release) })
	}
	if rawefd.HasDoorbell {
		t.Run("handle", func(t *testing.T) { test(t, signal) })
	}
}

// signal releases permits as a C thread does. It panics if the Semaphore is closed.
func signal(s *semaphore.Semaphore, n int64) {
	if !handletest.Signal(s.Handle(), uint64(n)) {
		panic(fmt.Sprintf("a release of %d through the handle came too late", n))
	}
}

func wantTry(t *testing.T, s *semaphore.Semaphore, n int64, want bool) {
	t.Helper()
	if got := s.TryAcquire(n); got != want {
		t.Errorf("TryAcquire(%d) = %v, want %v", n, got, want)
	}
}

func wantCount(t *testing.T, s *semaphore.Semaphore, want int64) {
	t.Helper()
	got, err := s.Count()
	hammer.Counted(t, err)
	if got != want || err != nil {
		t.Errorf("Count = %d, %v; want %d", got, err, want)
	}
}

func wantIs(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s = %v, want an error that matches %q", what, err, want)
	}
}

func wantPanic(t *testing.T, what, with string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if msg, _ := recover().(string); !strings.Contains(msg, with) {
			t.Errorf("%s panicked with %q, want %q", what, msg, with)
		}
	}()
	f()
}

func ended() context.Context {
	ctx, cancel := context.WithCancel(background)
	cancel()
	return ctx
}

// An arrival is the result with which a waiter woke up.
type arrival struct {
	waiter int
	err    error
}

// A crowd starts goroutines that call Acquire, each only when the one before it is waiting.
type crowd struct {
	s        *semaphore.Semaphore
	size     int
	arrivals chan arrival
}

func newCrowd(s *semaphore.Semaphore) *crowd {
	return &crowd{s: s, arrivals: make(chan arrival, 1000)}
}

func (c *crowd) join(ctx context.Context, n int64) (waiter int) {
	waiter = c.size
	c.size++
	before := semaphore.Waiting(c.s)
	go func() { c.arrivals <- arrival{waiter, c.s.Acquire(ctx, n)} }()
	for semaphore.Waiting(c.s) == before {
		runtime.Gosched()
	}
	return waiter
}

func (c *crowd) want(t *testing.T, waiter int, err error) {
	t.Helper()
	got := <-c.arrivals
	if got.waiter != waiter {
		t.Errorf("waiter %d woke up with %v, want waiter %d", got.waiter, got.err, waiter)
	}
	if err == nil && got.err != nil {
		t.Errorf("waiter %d got %v", waiter, got.err)
	} else if err != nil {
		wantIs(t, "Acquire of a waiter", got.err, err)
	}
}
