package semaphore_test

import (
	"context"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/mode"
)

// failWrites makes the next n system calls fail that are part of adding to an eventfd. done undoes that.
func failWrites(n int64) (done func()) {
	var failed atomic.Int64
	return rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		if (c.Name == "write" || c.Name == "poll") && failed.Add(1) <= n {
			return unix.ENOMEM
		}
		return 0
	})
}

// Permits whose Release could not write them to the eventfd can be taken immediately, and not only
// once they are in the eventfd.
func TestPermitsThatCouldNotBeWrittenAreFound(t *testing.T) {
	if !mode.Is("exported") {
		return
	}
	for _, attempts := range []int64{1, 2, 1_000_000} {
		done := failWrites(attempts)
		s := mustNew(t, 0) // after SetHook, so that the hook sees each write
		s.Release(5)
		wantTry(t, s, 1, true)
		wantTry(t, s, 2, true)
		wantTry(t, s, 3, false)
		ctx, cancel := context.WithTimeout(background, 10*time.Second)
		for _, n := range []int64{1, 1} {
			wantIs(t, "Acquire", s.Acquire(ctx, n), nil)
		}
		cancel()
		wantTry(t, s, 1, false)
		done()
		wantTry(t, s, 1, false)
		s.Release(1)
		wantTry(t, s, 1, true)
	}
}
