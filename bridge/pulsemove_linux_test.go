package bridge_test

import (
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/internal/rawefd"
)

// A pulse that comes while a Watcher leaves others for a registration of its own reaches all of
// them, even if a poll of the file takes it between two steps of Change.
func TestPulseDuringChangeOfASharedWatcher(t *testing.T) {
	for name, moment := range map[string]rawefd.Call{
		"before the old registration is looked at": {Name: "epoll_ctl", Arg: unix.EPOLL_CTL_MOD},
		"before the file is polled":                {Name: "poll"},
		"before the new registration is made":      {Name: "epoll_ctl", Arg: unix.EPOLL_CTL_ADD},
	} {
		t.Run(name, func(t *testing.T) {
			m := openMountinfo(t)
			changed, other := mustWatch(t, m.fd, bridge.Priority), mustWatch(t, m.fd, bridge.Priority)
			moment.Num = m.fd
			came := false
			restore := rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
				if !came && c == moment {
					came = true
					m.pulse(t)
					if c.Name == "poll" { // as the runtime does when it polls the epoll instance
						unix.Poll([]unix.PollFd{{Fd: int32(m.fd), Events: unix.POLLPRI}}, 0)
					}
				}
				return 0
			})
			mustChange(t, changed, bridge.Priority|bridge.PeerClosed)
			restore()
			if !came {
				t.Fatal("Change has not made the call")
			}
			for name, w := range map[string]*bridge.Watcher{"changed": changed, "other": other} {
				select {
				case got := <-w.C():
					wantPriority(t, "C of the "+name+" Watcher", got)
				case <-time.After(10 * time.Second):
					t.Errorf("C of the %s Watcher gave nothing", name)
				}
				if got, err := w.Wait(dead(t)); err != nil {
					t.Errorf("Wait of the %s Watcher = %v, %v", name, got, err)
				}
			}
		})
	}
}
