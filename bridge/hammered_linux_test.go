package bridge_test

import (
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/rawio"
)

// While other threads make more descriptors ready than one epoll_pwait(2) returns, again and again, a call that
// needs the poller's lock gets it.
func TestCloseBesideManyBusyDescriptors(t *testing.T) {
	nums := make([]int, 2*rawefd.BatchSize)
	for i := range nums {
		fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		defer mustWatch(t, fd, bridge.Readable).Close()
		nums[i] = fd
	}
	other := mustWatch(t, newTube(t).r, bridge.Readable)
	const most = 2000
	var begin sync.Once
	var calls atomic.Int32
	closed := make(chan struct{})
	restore := rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		if c.Name != "epoll_pwait" || calls.Load() >= most {
			return 0
		}
		begin.Do(func() {
			go func() {
				defer close(closed)
				other.Close()
			}()
		})
		select {
		case <-closed:
		default:
			calls.Add(1)
			for _, fd := range nums {
				if err := rawio.Add(fd, 1); err != nil {
					t.Error(err)
				}
			}
		}
		return 0
	})
	defer restore()
	if err := rawio.Add(nums[0], 1); err != nil {
		t.Fatal(err)
	}
	<-closed
	if got := calls.Load(); got >= most {
		t.Errorf("Close took as long as other threads made descriptors ready, %d system calls", got)
	}
}
