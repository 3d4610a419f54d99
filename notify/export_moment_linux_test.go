package notify_test

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/notify"
)

// A pending count is found at every moment of an export: by TryWait, and by read(2) of the descriptor
// that FD returned.
func TestCountIsSeenAtEveryMomentOfAnExport(t *testing.T) {
	if !mode.First() {
		return
	}
	for name, found := range map[string]func(*notify.Notifier) bool{
		"TryWait": func(n *notify.Notifier) bool { _, ok := n.TryWait(); return ok },
		"read": func(n *notify.Notifier) bool {
			var buf [8]byte
			_, err := unix.Read(n.FD(), buf[:])
			return err == nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			hammer.For(time.Second/4, 1, func() {
				n, err := notify.New()
				if err != nil {
					t.Error(err)
					return
				}
				defer n.Close()
				if time.Now().UnixNano()%2 == 0 {
					n.Handle()
				}
				mustAdd(t, n, 5)
				var exporter sync.WaitGroup
				exporter.Go(func() { n.FD() })
				for range time.Now().UnixNano() % 8 {
					runtime.Gosched()
				}
				if !found(n) {
					t.Error("found nothing, but 5 was pending all the time")
				}
				exporter.Wait()
			})
		})
	}
}
