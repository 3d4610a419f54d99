package notify_test

import (
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/notify"
)

func wantString(t *testing.T, n *notify.Notifier, want string) {
	t.Helper()
	for _, format := range []string{"%v", "%s", "%+v"} {
		if got := fmt.Sprintf(format, n); got != want {
			t.Errorf("%s prints %q, want %q", format, got, want)
		}
	}
}

func TestStringNamesTheState(t *testing.T) {
	if !mode.Is("private") {
		return
	}
	n := mustNew(t)
	wantString(t, n, "Notifier(private)")
	n.Handle()
	wantString(t, n, "Notifier(shared)")
	wantString(t, n, fmt.Sprintf("Notifier(descriptor %d)", n.FD()))
	n.Close()
	wantString(t, n, "Notifier(closed)")
	n = mustNew(t)
	n.Close()
	wantString(t, n, "Notifier(closed)")
}

// A Notifier can be printed while others use it.
func TestStringWhileOthersUseIt(t *testing.T) {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	hammer.For(time.Second/2, 1, func() {
		n, err := notify.New()
		if err != nil {
			t.Error(err)
			return
		}
		var all sync.WaitGroup
		for _, use := range []func(){
			func() {
				n.TryWait()
				n.C()
				n.Notify()
			},
			func() { n.Handle(); n.FD() },
			func() { n.Close() },
			func() { fmt.Fprint(io.Discard, n) },
			func() { log.Info("state", "notifier", n) },
		} {
			all.Go(use)
		}
		all.Wait()
		wantString(t, n, "Notifier(closed)")
	})
}
