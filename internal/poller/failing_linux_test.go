package poller_test

import (
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/poller"
	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/leaktest"
)

// fail makes the next n system calls of a name fail with errno. It returns the number of calls
// so far.
func fail(t *testing.T, name string, errno syscall.Errno, n int64) *atomic.Int64 {
	t.Helper()
	var failed atomic.Int64
	t.Cleanup(rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		if c.Name == name && failed.Add(1) <= n {
			return errno
		}
		return 0
	}))
	return &failed
}

// If epoll_wait fails, the process goes on and no event is lost.
func TestEpollWaitThatFailsIsTriedAgain(t *testing.T) {
	for _, errno := range []syscall.Errno{unix.EINTR, unix.EBADF, unix.ENOMEM, unix.EIO} {
		t.Run(errno.Error(), func(t *testing.T) {
			f := mustNew(t)
			failed := fail(t, "epoll_pwait", errno, 3) // before the loop's first look, which can come at any time
			_, calls := arm(t, f)
			mustAdd(t, f)
			soon(t, calls)
			if got := failed.Load(); got < 4 {
				t.Errorf("epoll_pwait was called %d times, want 3 failures and a success", got)
			}
		})
	}
}

// A loop whose epoll instance always fails ends when it is not needed any more.
func TestLoopThatFailsCanEnd(t *testing.T) {
	before := leaktest.Baseline()
	f := mustNew(t)
	failed := fail(t, "epoll_pwait", unix.EIO, 1<<62)
	s := poller.NewSource(f.Number(), handler(func() {}))
	if err := s.Arm(); err != nil {
		t.Fatal(err)
	}
	mustAdd(t, f)
	for failed.Load() < 2 {
		runtime.Gosched()
	}
	s.Close()
	f.Close(func() {})
	if err := leaktest.Check(before); err != nil {
		t.Error(err)
	}
}
