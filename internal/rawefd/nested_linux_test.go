package rawefd_test

import (
	"syscall"
	"testing"

	"github.com/eventchan/eventchan/internal/rawefd"
)

// If a system call fails while NestedEdges finds out, that is not the answer for good.
func TestNestedEdgesAreTriedAgain(t *testing.T) {
	want := rawefd.NestedEdges()
	for _, name := range []string{"epoll_create1", "eventfd2", "epoll_ctl", "epoll_pwait"} {
		rawefd.ForgetNestedEdges()
		restore := rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
			if c.Name == name {
				return syscall.ENOMEM
			}
			return 0
		})
		failing := rawefd.NestedEdges()
		restore()
		if failing {
			t.Errorf("NestedEdges = true although %s fails", name)
		}
		if got := rawefd.NestedEdges(); got != want {
			t.Errorf("NestedEdges = %v after %s has failed, want %v", got, name, want)
		}
	}
}
