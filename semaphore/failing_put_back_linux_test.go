package semaphore_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/semaphore"
)

// failNext makes the next system call of a name fail. done undoes that.
func failNext(name string) (done func()) {
	var failed atomic.Bool
	return rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		if c.Name == name && failed.CompareAndSwap(false, true) {
			return unix.ENOMEM
		}
		return 0
	})
}

// Permits that were granted to an Acquire whose context has ended are put back, even if a system call
// fails.
func TestPermitOfACanceledAcquireIsNotLost(t *testing.T) {
	if !mode.Is("exported") {
		return
	}
	hammer.NeedsCount(t)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that the waiter does not run before it is canceled
	for _, call := range []string{"write", "poll"} {
		s := mustNew(t, 0)
		ctx, cancel := context.WithCancel(background)
		got := make(chan error)
		go func() { got <- s.Acquire(ctx, 1) }()
		for semaphore.Waiting(s) == 0 {
			runtime.Gosched()
		}
		cancel()
		s.Release(1) // is granted to the waiter
		done := failNext(call)
		wantIs(t, "Acquire", <-got, context.Canceled)
		done()
		wantCount(t, s, 1)
	}
}

// They are not lost either if Close is called before the system has recovered.
func TestPermitOfACanceledAcquireIsNotLostInClose(t *testing.T) {
	if !mode.Is("exported") {
		return
	}
	hammer.NeedsCount(t)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that the waiter does not run before it is canceled
	s := mustNew(t, 0)
	other := twin(t, s)
	ctx, cancel := context.WithCancel(background)
	got := make(chan error)
	go func() { got <- s.Acquire(ctx, 3) }()
	for semaphore.Waiting(s) == 0 {
		runtime.Gosched()
	}
	cancel()
	s.Release(3) // is granted to the waiter
	done := failWrites(10)
	wantIs(t, "Acquire", <-got, context.Canceled)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	done()
	wantCount(t, other, 3)
}

// Close puts the permit back that C has reserved, even if a system call fails.
func TestPermitOfCIsNotLostInClose(t *testing.T) {
	if !mode.Is("exported") {
		return
	}
	hammer.NeedsCount(t)
	for _, call := range []string{"write", "poll"} {
		s := mustNew(t, 1)
		other := twin(t, s)
		s.C()
		wantCount(t, other, 0)
		done := failNext(call)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		done()
		wantCount(t, other, 1)
	}
}

// A Release whose system call fails adds its permits for the other holders of the eventfd, even if
// Close is called before it returns.
func TestPermitsOfAReleaseAreNotLostInClose(t *testing.T) {
	if !mode.Is("exported") {
		return
	}
	var s *semaphore.Semaphore
	var armed atomic.Bool
	defer rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		if c.Name != "write" || !armed.CompareAndSwap(true, false) {
			return 0
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		return unix.ENOMEM
	})()
	s = mustNew(t, 0) // after SetHook, so that the hook sees each write
	other := dup(t, s.FD())
	defer unix.Close(other)
	armed.Store(true)
	s.Release(3)
	if armed.Load() {
		t.Fatal("Release does not write")
	}
	for range 3 {
		fetch(t, other)
	}
}
