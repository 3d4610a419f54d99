package semaphore_test

import (
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/mode"
)

// An eventfd stays watched for a while after the last waiter has left, and then no longer,
// even if no event comes.
func TestIdleSemaphoreIsNotWatched(t *testing.T) {
	s := mustNew(t, 0)
	number := s.FD()
	var modified atomic.Int64
	defer rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		if c.Num == number && c.Name == "epoll_ctl" && c.Arg == unix.EPOLL_CTL_MOD {
			modified.Add(1)
		}
		return 0
	})()
	// Much time can pass between any two waits on a busy machine, but not always.
	hammer.Eventually(t, func() string { return "100 waits that follow each other closely call epoll_ctl(2) often" }, func() bool {
		before := modified.Load()
		acquireOften(t, background, s, write)
		return modified.Load()-before < 50
	})
	// Armed by EPOLL_CTL_ADD and every second modification.
	hammer.Eventually(t, func() string { return "the eventfd is still watched long after the last waiter" },
		func() bool { return modified.Load()%2 == 1 })
}

// A goroutine that often finds a permit without sleeping does not lead: its eventfd would
// stay watched, and wake a thread for each permit.
func TestBusyAcquirerDoesNotLead(t *testing.T) {
	if !mode.Is("private") {
		return // all lead
	}
	s := mustNew(t, 0)
	acquireOften(t, background, s, write)
	c := newCrowd(s)
	sleep := func(look func()) {
		waiter := c.join(background, 1)
		look()
		write(s, 1)
		c.want(t, waiter, nil)
	}
	for range 6 {
		write(s, 1)
		mustAcquire(t, s, 1)
		sleep(func() {})
	}
	sleep(func() {
		if leading() {
			t.Error("a goroutine that slept every second time leads")
		}
	})
}
