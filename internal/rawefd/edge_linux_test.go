//go:build !eventchan_pipe

package rawefd_test

import (
	"errors"
	"syscall"
	"testing"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
)

// On Linux a wake-up needs no read of the doorbell. On other systems the doorbell is drained,
// which costs one more system call per wake-up.
func TestEveryWriteIsAnEdge(t *testing.T) {
	s := newSleeper(t)
	t.Logf("every write to an eventfd is an edge: %v", !s.Drains())
	if s.Drains() && hammer.InCI() {
		t.Error("a write to an eventfd that is already readable is not an edge on this kernel")
	}
}

// A doorbell is not made on a guess: if the system call that finds out fails, NewDoorbell fails.
func TestEdgesThatCannotBeTested(t *testing.T) {
	newSleeper(t) // starts the runtime's poller
	for _, name := range []string{"epoll_create1", "epoll_ctl", "epoll_pwait"} {
		restore := rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
			if c.Name == name {
				return syscall.ENOMEM
			}
			return 0
		})
		d, err := rawefd.NewDoorbell()
		restore()
		if err == nil {
			d.Close()
		}
		if !errors.Is(err, syscall.ENOMEM) {
			t.Errorf("NewDoorbell = %v if %s fails, want ENOMEM", err, name)
		}
	}
}
