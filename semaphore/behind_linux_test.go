package semaphore_test

import (
	"context"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/semaphore"
)

const robbedOf = 3000

// robbed returns a Semaphore with robbedOf - 1 permits and an Acquire of robbedOf, which enough permits
// were free for. While it took them, another process took one, so it retreats for d.
func robbed(t *testing.T, d time.Duration) (s *semaphore.Semaphore, cancel func(), result <-chan error) {
	t.Helper()
	hammer.NeedsCount(t)
	t.Cleanup(semaphore.Retreat(d))
	var fd, looks atomic.Int64
	fd.Store(-1)
	thief := -1
	t.Cleanup(rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		if is := c.Name == "preadv2" || c.Name == "poll"; is && int64(c.Num) == fd.Load() && looks.Add(1) == robbedOf/2 {
			unix.Read(thief, make([]byte, 8)) // a permit
		}
		return 0
	}))
	s = exported(t, robbedOf-1)
	thief = dup(t, s.FD())
	ctx, cancel := context.WithCancel(background)
	ended := make(chan error, 1)
	go func() { ended <- s.Acquire(ctx, robbedOf) }()
	t.Cleanup(func() {
		cancel()
		s.Close() // makes Acquire return
		unix.Close(thief)
	})
	hammer.Eventually(t, func() string { return "Acquire does not wait" }, func() bool {
		return semaphore.Waiting(s) == 1 && !semaphore.Roused(s)
	})
	fd.Store(int64(s.FD()))
	write(s, 1)
	if d == time.Hour {
		hammer.Eventually(t, func() string { return "Acquire does not retreat" }, func() bool { return semaphore.Retreats(s) })
	} else {
		hammer.Eventually(t, func() string { return "no permit was stolen" }, func() bool { return looks.Load() >= robbedOf/2 })
	}
	return s, cancel, ended
}

// waitBehind starts an Acquire of n permits, which waits behind another one.
func waitBehind(t *testing.T, s *semaphore.Semaphore, n int64) (result <-chan error) {
	t.Helper()
	result, _ = waitBehindUntil(t, s, n)
	return result
}

// waitBehindUntil is waitBehind with a function that ends the Acquire.
func waitBehindUntil(t *testing.T, s *semaphore.Semaphore, n int64) (result <-chan error, cancel func()) {
	t.Helper()
	ended := make(chan error, 1)
	before := semaphore.Waiting(s)
	ctx, cancel := context.WithTimeout(background, 30*time.Second)
	t.Cleanup(cancel)
	go func() { ended <- s.Acquire(ctx, n) }()
	hammer.Eventually(t, func() string { return "Acquire does not wait" }, func() bool { return semaphore.Waiting(s) > before })
	return ended, cancel
}

// While an Acquire of many permits retreats, others get the permits that it does not need, in FIFO order.
func TestOthersBesideAnAcquireThatRetreats(t *testing.T) {
	s, cancel, result := robbed(t, time.Hour)
	first := waitBehind(t, s, 2)
	second := waitBehind(t, s, 1)
	write(s, 1+2)
	if err := <-first; err != nil {
		t.Errorf("Acquire(2) = %v", err)
	}
	wantTry(t, s, 1, false)
	write(s, 1)
	if err := <-second; err != nil {
		t.Errorf("Acquire(1) = %v", err)
	}
	wantTry(t, s, 1, false)
	write(s, 2)
	wantTry(t, s, 1, true)
	if err := s.Acquire(background, 1); err != nil {
		t.Errorf("Acquire(1) = %v", err)
	}
	_, giveUp := waitBehindUntil(t, s, 500)
	last := waitBehind(t, s, 1)
	write(s, 2)
	giveUp()
	if err := <-last; err != nil {
		t.Errorf("Acquire(1) = %v", err)
	}
	wantTry(t, s, 1, true)
	several := []<-chan error{waitBehind(t, s, 600), waitBehind(t, s, 600), waitBehind(t, s, 600)} // two pieces
	write(s, 3*600)
	for _, result := range several {
		if err := <-result; err != nil {
			t.Errorf("Acquire(600) = %v", err)
		}
	}
	if !semaphore.Retreats(s) {
		t.Error("Acquire does not retreat any more")
	}
	cancel()
	wantIs(t, "Acquire", <-result, context.Canceled)
	wantCount(t, s, robbedOf)
}

// If the process has no descriptor to spare, and the count is therefore not shown at the moment, waiters behind an
// Acquire that retreats get their permits soon after that has changed.
func TestOthersBesideAnAcquireThatRetreatsWithoutDescriptors(t *testing.T) {
	for _, waitsBefore := range []bool{true, false} {
		s, cancel, result := robbed(t, time.Hour)
		var other <-chan error
		if waitsBefore {
			other = waitBehind(t, s, 1)
		} else {
			write(s, 2)
		}
		var refused atomic.Bool
		restore := rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
			if c.Name != "open" {
				return 0
			}
			refused.Store(true)
			return unix.EMFILE
		})
		if waitsBefore {
			write(s, 2)
		} else {
			other = waitBehind(t, s, 1)
		}
		hammer.Eventually(t, func() string { return "nothing reads the count" }, refused.Load)
		restore()
		promptly(t, "Acquire(1)", func() {
			if err := <-other; err != nil {
				t.Errorf("Acquire(1) = %v", err)
			}
		})
		cancel()
		wantIs(t, "Acquire", <-result, context.Canceled)
	}
}

// Waiters behind an Acquire of many are served when it becomes the first, and when enough for all comes
// together.
func TestOthersBesideAnAcquireThatBegins(t *testing.T) {
	hammer.NeedsCount(t)
	for name, free := range map[string]int64{"becomes the first": veryMany + 10, "together": 0} {
		t.Run(name, func(t *testing.T) {
			s := exported(t, free)
			begin := func() { write(s, veryMany+10) }
			if free > 0 {
				_, begin = waitBehindUntil(t, s, veryMany+1000)
			}
			result := waitBehind(t, s, veryMany)
			small := waitBehind(t, s, 1)
			begin()
			promptly(t, "Acquire(1)", func() {
				if err := <-small; err != nil {
					t.Errorf("Acquire(1) = %v", err)
				}
			})
			promptly(t, "Close", func() { s.Close() })
			wantIs(t, "Acquire", <-result, os.ErrClosed)
		})
	}
}

// While an Acquire takes very many permits, waiters behind it get those that it does not need before
// calls that come later.
func TestOthersBesideAnAcquireOfVeryMany(t *testing.T) {
	s := exported(t, veryMany)
	result := taking(t, s, veryMany)
	first := waitBehind(t, s, 1)
	promptly(t, "Release", func() { s.Release(1) })
	promptly(t, "Acquire(1)", func() {
		if err := <-first; err != nil {
			t.Errorf("Acquire(1) = %v", err)
		}
	})
	promptly(t, "TryAcquire", func() { wantTry(t, s, 1, false) })
	promptly(t, "Close", func() { s.Close() })
	wantIs(t, "Acquire", <-result, os.ErrClosed)
}
