package semaphore

import (
	"context"
	"encoding/binary"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// These tests look at what no caller can see: it costs time, or shows itself only in
// moments that no test can bring about.

// asleep has a goroutine Acquire n permits, and returns its result when it waits.
func asleep(ctx context.Context, s *Semaphore, n int64) <-chan error {
	before := Waiting(s)
	result := make(chan error, 1)
	go func() { result <- s.Acquire(ctx, n) }()
	for Waiting(s) == before {
		runtime.Gosched()
	}
	return result
}

func mustMake(t *testing.T, permits int64) *Semaphore {
	t.Helper()
	s, err := New(permits)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func wantNil(t *testing.T, what string, result <-chan error) {
	t.Helper()
	select {
	case err := <-result:
		if err != nil {
			t.Errorf("%s = %v", what, err)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("%s sleeps", what)
	}
}

// unheard adds permits to the eventfd without an event that this process hears of.
func unheard(t *testing.T, s *Semaphore, n uint64) {
	t.Helper()
	s.count.Lock()
	s.count.Disarm()
	s.count.Unlock()
	if _, err := unix.Write(s.FD(), binary.NativeEndian.AppendUint64(nil, n)); err != nil {
		t.Fatal(err)
	}
}

// A waiter for several permits finds them though no event says that they are there,
// whether it began to wait before the export or after it.
func TestLargeWaiterLooksByItself(t *testing.T) {
	for name, exportFirst := range map[string]bool{"after the export": true, "before the export": false} {
		t.Run(name, func(t *testing.T) {
			s := mustMake(t, 0)
			if exportFirst {
				s.FD()
			}
			result := asleep(context.Background(), s, 3)
			s.FD()
			unheard(t, s, 3)
			wantNil(t, "Acquire(3)", result)
		})
	}
}

// A waiter leaves its place as it found it, though it was woken when its context had
// ended.
func TestNoTokenIsLeftBehind(t *testing.T) {
	procs := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(procs)
	for range 100 {
		s := mustMake(t, 0)
		ctx, cancel := context.WithCancel(context.Background())
		result := asleep(ctx, s, 1)
		cancel()
		s.Release(1)
		<-result
		if len(s.home.Value.wake) != 0 {
			t.Fatal("a token is left in the place")
		}
		s.Close()
	}
}

// While a waiter may be overtaken, goroutines that are running take and look without
// the lock; while it may not, they cannot.
func TestWordIsHeldOnlyWhereNobodyMayOvertake(t *testing.T) {
	for n, free := range map[int64]bool{1: true, 2: false} {
		synctest.Test(t, func(t *testing.T) {
			s := mustMake(t, 0)
			go s.Acquire(t.Context(), n)
			synctest.Wait()
			if got := s.count.Word().Lacks(1); got != free {
				t.Errorf("with a waiter for %d the word is free: %v, want %v", n, got, free)
			}
			s.Close()
		})
	}
}

// A read of the eventfd that finds nothing is certain only if no other goroutine has
// begun to take several permits, which it may put back.
func TestEmptyReadIsCertainOnlyAlone(t *testing.T) {
	s := mustMake(t, 0)
	s.FD()
	for name, take := range map[string]struct {
		n       int64
		certain bool
	}{"one": {1, true}, "several": {2, false}} {
		before := s.slow.Load()
		s.count.Lock()
		if took, err := s.take(take.n); took || err != nil {
			t.Errorf("take(%d) of 0 = %v, %v", take.n, took, err)
		}
		s.count.Unlock()
		if took, certain := s.readSince(s.count.FD(), before); took || certain != take.certain {
			t.Errorf("after a take of %s: took %v, certain %v; want false, %v", name, took, certain, take.certain)
		}
	}
}

// A permit that was granted before Close belongs to its waiter, which runs only
// afterwards.
func TestGrantBeforeCloseIsKept(t *testing.T) {
	procs := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(procs)
	for _, export := range []bool{false, true} {
		for range 50 {
			s := mustMake(t, 0)
			if export {
				s.FD()
			}
			result := asleep(context.Background(), s, 2)
			s.Release(2)
			s.Close()
			wantNil(t, "Acquire of permits that were released before Close", result)
		}
	}
}
