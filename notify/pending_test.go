package notify_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/notify"
)

// receivers are the ways to take the pending count. They return 0 if nothing is pending.
var receivers = map[string]func(*testing.T, *notify.Notifier) uint64{
	"Wait": func(t *testing.T, n *notify.Notifier) uint64 {
		count, err := n.Wait(background)
		if count == 0 {
			wantIs(t, "Wait", err, os.ErrClosed)
		}
		return count
	},
	"TryWait": func(t *testing.T, n *notify.Notifier) uint64 {
		count, ok := n.TryWait()
		if ok != (count > 0) {
			t.Errorf("TryWait = %d, %v", count, ok)
		}
		return count
	},
	"C": func(t *testing.T, n *notify.Notifier) uint64 { return <-n.C() },
}

// The count that is pending at Close is received by the first call after it, of whichever method, and only
// once.
func TestPendingAtCloseIsReceivedAfterIt(t *testing.T) {
	for name, receive := range receivers {
		t.Run(name, func(t *testing.T) {
			n := mustNew(t)
			mustAdd(t, n, 1)
			wantWait(t, n, 1) // so that an exported Notifier has received
			mustAdd(t, n, 7)
			if err := n.Close(); err != nil {
				t.Fatal(err)
			}
			ended, cancel := context.WithCancel(background)
			cancel()
			if got, err := n.Wait(ended); got != 0 || err == nil {
				t.Errorf("Wait with an ended context = %d, %v; want an error", got, err)
			}
			if got := receive(t, n); got != 7 {
				t.Errorf("received %d after Close, want 7", got)
			}
			for name, receive := range receivers {
				if got := receive(t, n); got != 0 {
					t.Errorf("%s received %d more", name, got)
				}
			}
		})
	}
}

// A goroutine that ranges over C can begin at any moment, even after Close.
func TestRangeOverCThatBeginsLate(t *testing.T) {
	hammer.For(time.Second/4, 2, func() {
		n := mustNew(t)
		sum := make(chan uint64)
		go func() {
			var got uint64
			for count := range n.C() {
				got += count
			}
			sum <- got
		}()
		hammer.Delay(3)
		mustAdd(t, n, 1)
		if got, _ := n.TryWait(); got > 0 {
			mustAdd(t, n, got) // TryWait was called so that an exported Notifier has received
		}
		mustAdd(t, n, 7)
		n.Close()
		if got := <-sum; got != 8 && !mode.Is("exported") || got > 8 {
			t.Errorf("received %d, want 8", got)
		}
	})
}
