package semaphore

import (
	"context"
	"encoding/binary"
	"errors"
	"runtime"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
)

// These tests check properties that callers cannot see, because they only cost time, or matter
// only at moments that a test cannot bring about.

// asleep starts an Acquire of n permits, waits until it is queued, and returns the channel of its
// result.
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
		t.Fatalf("%s is still waiting", what)
	}
}

// unheard adds permits to the eventfd without an event for this process.
func unheard(t *testing.T, s *Semaphore, n uint64) {
	t.Helper()
	s.count.Lock()
	s.count.Disarm()
	s.count.Unlock()
	if _, err := unix.Write(s.FD(), binary.NativeEndian.AppendUint64(nil, n)); err != nil {
		t.Fatal(err)
	}
}

// A waiter for several permits finds them without an event, whether it began to wait before the
// export or after it.
func TestLargeWaiterPollsByItself(t *testing.T) {
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

// A Release for which the eventfd has no room adds nothing, not even what a waiter lacks.
func TestReleaseIntoAFullEventfdAddsNothing(t *testing.T) {
	s := mustMake(t, 0)
	fd := s.FD()
	result := asleep(context.Background(), s, 2)
	unheard(t, s, rawefd.MaxCount)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("Release(3) does not panic, but there is no room for the third permit")
			}
		}()
		s.Release(3)
	}()
	wantNil(t, "Acquire(2)", result) // polls by itself, and takes 2 of those in the eventfd
	if _, err := unix.Write(fd, binary.NativeEndian.AppendUint64(nil, 2)); err != nil {
		t.Errorf("write(2) = %v, want room for the permits that Acquire took", err)
	}
	if _, err := unix.Write(fd, binary.NativeEndian.AppendUint64(nil, 1)); err != unix.EAGAIN {
		t.Errorf("write(2) = %v, want EAGAIN, because the eventfd is full again", err)
	}
}

// A waiter leaves its place as it found it, even if it was woken after its context had ended.
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

// While a waiter can be overtaken, running goroutines take permits without the lock. While it
// cannot, the word is held, and they need the lock.
func TestWordIsHeldOnlyIfWaitersMustNotBeOvertaken(t *testing.T) {
	for n, free := range map[int64]bool{1: true, 2: false} {
		synctest.Test(t, func(t *testing.T) {
			s := mustMake(t, 0)
			go s.Acquire(t.Context(), n)
			synctest.Wait()
			if got := s.count.Word().Lacks(1); got != free {
				t.Errorf("with a waiter for %d permits: the word is not held: %v, want %v", n, got, free)
			}
			s.Close()
		})
	}
}

// That a read of the eventfd finds no permit is certain only if no other goroutine has begun to
// take several permits, which it can put back.
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

// Permits that were granted before Close belong to their waiter, even if it runs only afterward.
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

// Where the system does not show the count, a waiter for several permits that becomes the first is woken,
// so that it polls as soon as one that was always the first.
func TestWaiterThatBecomesTheFirstPolls(t *testing.T) {
	for name, fails := range map[string]bool{"blind": true, "not blind": false} {
		t.Run(name, func(t *testing.T) {
			if !fails {
				hammer.NeedsCount(t)
			}
			s := mustMake(t, 0)
			s.FD()
			defer rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
				if fails && c.Name == "open" {
					return unix.EMFILE
				}
				return 0
			})()
			var places [2]place
			for i := range places {
				places[i].Value = waiter{permits: 2, wake: make(wake, 1)}
			}
			s.count.LockShut()
			s.queue(&places[0])
			s.queue(&places[1])
			s.count.UnlockShut()
			s.look(&places[1])
			s.count.LockShut()
			defer s.count.UnlockShut()
			s.unqueue(&places[0])
			s.serve()
			if woken := places[1].Value.woken; woken != fails {
				t.Errorf("the waiter was woken: %v", woken)
			}
			s.unqueue(&places[1])
		})
	}
}

// A waiter behind one that retreats gets the error if the read of its permits fails.
func TestWaiterBehindAnotherGetsTheError(t *testing.T) {
	hammer.NeedsCount(t)
	s := mustMake(t, 3000+2)
	s.FD()
	defer rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		if c.Name == "preadv2" || c.Name == "poll" {
			return unix.EIO
		}
		return 0
	})()
	var first, second place
	first.Value = waiter{permits: 3000, wake: make(wake, 1), retreats: retreating}
	second.Value = waiter{permits: 2, wake: make(wake, 1)}
	s.count.LockShut()
	defer s.count.UnlockShut()
	s.queue(&first)
	s.queue(&second)
	s.serve()
	if err := second.Value.failed; err == nil || !errors.Is(err.error, unix.EIO) || s.waiters.Len() != 1 {
		t.Errorf("the waiter has the error %v, and %d wait; want EIO and 1", err, s.waiters.Len())
	}
	s.unqueue(&first)
}

// C stays away while another process takes very many permits, until no more are taken.
func TestCStaysAwayWhileVeryManyAreTaken(t *testing.T) {
	hammer.NeedsCount(t)
	for name, c := range map[string]struct{ free, away uint64 }{
		"very many": {100_000, 100_000 + 1},
		"few":       {100, 0}, // taking them takes less than the pause
	} {
		t.Run(name, func(t *testing.T) {
			s := mustMake(t, int64(c.free))
			s.FD()
			s.c.Store(newChannel())
			p := &place{Value: waiter{permits: 1}}
			free, gone := s.putBack(s.c.Load())
			if free != c.away || !gone {
				t.Errorf("C puts back: %d, %v, want %d, true", free, gone, c.away)
			}
			for range 3 {
				s.TryAcquire(piece)
				before := free
				away := false
				if free, away = s.comeBack(p, free, piece); away != (c.away > 0) || away && free != before-piece {
					t.Errorf("a piece was taken: C stays away: %v, %d free", away, free)
				}
				if !away {
					return
				}
			}
			s.TryAcquire(piece - 1)
			if _, away := s.comeBack(p, free, piece); away {
				t.Error("C stays away although fewer permits than a piece were taken")
			}
		})
	}
}
