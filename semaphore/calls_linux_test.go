package semaphore_test

import (
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/semaphore"
)

// A goroutine that leads looks for a permit before it sleeps, and takes one after that. It does not
// look before.
func TestLeadingAcquireReadsTwice(t *testing.T) {
	if !rawefd.NestedEdges() {
		t.Skip("here a poller does not see every event of a nested epoll instance, so no goroutine leads for an eventfd")
	}
	var number, reads atomic.Int64
	number.Store(-1)
	t.Cleanup(rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		if takes := c.Name == "preadv2" || c.Name == "read"; takes && int64(c.Num) == number.Load() {
			reads.Add(1)
		}
		return 0
	}))
	s, err := semaphore.New(0) // after SetHook, so that the hook sees each read
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	number.Store(int64(s.FD()))
	acquireOften(t, background, s, write)
	row := 0
	// On a busy machine much time can pass between two waits, but not each time.
	hammer.Eventually(t, func() string { return "an Acquire that leads does not read twice" }, func() bool {
		reads.Store(0)
		c := newCrowd(s)
		waiter := c.join(background, 1)
		for leading() && reads.Load() < 1 {
			hammer.Yield()
		}
		write(s, 1)
		c.want(t, waiter, nil)
		row++
		if reads.Load() != 2 {
			row = 0
		}
		return row == 5
	})
}
