package semaphore_test

import (
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/semaphore"
)

// A goroutine that leads looks for a permit twice: as the leader before it sleeps, and after it.
func TestLeadingAcquireLooksTwice(t *testing.T) {
	if !rawefd.NestedEdges() {
		t.Skip("here a poller does not see every event of a nested epoll instance, so no goroutine leads for an eventfd")
	}
	var number, looks atomic.Int64
	number.Store(-1)
	t.Cleanup(rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		// Where preadv2(2) cannot be used, it is poll(2), and read(2) if there is a permit.
		if is := c.Name == "preadv2" || c.Name == "poll"; is && int64(c.Num) == number.Load() {
			looks.Add(1)
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
	hammer.Eventually(t, func() string { return "an Acquire that leads does not look twice" }, func() bool {
		looks.Store(0)
		c := newCrowd(s)
		waiter := c.join(background, 1)
		for turn := 0; turn < 10_000 && looks.Load() < 1; turn++ {
			runtime.Gosched()
		}
		write(s, 1)
		c.want(t, waiter, nil)
		row++
		if looks.Load() != 2 {
			row = 0
		}
		return row == 5
	})
}
