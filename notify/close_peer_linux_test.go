package notify_test

import (
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/notify"
)

// newReceiver returns an exported Notifier that has received a count, so that Close takes the last one, too.
func newReceiver(t *testing.T) (n *notify.Notifier, fd int) {
	t.Helper()
	n = mustNew(t)
	fd = n.FD()
	mustAdd(t, n, 1)
	wantTryWait(t, "before Close", n, 1)
	return n, fd
}

// Close ends beside a peer that adds before each read of the eventfd, and leaves one count.
func TestCloseBesideAPeerThatGoesOnAdding(t *testing.T) {
	if !mode.First() {
		return
	}
	n, fd := newReceiver(t)
	write(t, fd, 1)
	const most = 100
	var reads atomic.Int32
	defer rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		if (c.Name == "preadv2" || c.Name == "read") && c.Num == fd && reads.Add(1) <= most {
			write(t, fd, 1)
		}
		return 0
	})()
	n.Close()
	if got := reads.Load(); got >= most {
		t.Errorf("Close reads at least %d times", got)
	}
	if count, ok := n.TryWait(); !ok {
		t.Errorf("the first TryWait after Close = %d, %v; want a count", count, ok)
	}
	wantTryWait(t, "after the first one after Close", n, 0)
}

// If the first read of the eventfd in Close fails, what is there is received after Close all the same.
func TestCloseReadsAgain(t *testing.T) {
	if !mode.First() {
		return
	}
	n, fd := newReceiver(t)
	write(t, fd, 7)
	var fails atomic.Int32
	fails.Store(1)
	defer failReads(fd, &fails)()
	n.Close()
	wantTryWait(t, "after Close", n, 7)
}
