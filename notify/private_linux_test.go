package notify_test

import (
	"context"
	"testing"

	"github.com/eventchan/eventchan/internal/testing/leaktest"
	"github.com/eventchan/eventchan/notify"
)

func TestPrivateNeedsNeitherDescriptorNorPoller(t *testing.T) {
	leaktest.Baseline() // waits until everything that earlier tests closed has ended
	before, _ := leaktest.Ours(t)
	n, err := notify.New()
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	mustAdd(t, n, 3)
	wantWait(t, n, 3)
	ctx, cancel := context.WithCancel(background)
	arrivals := startWaiters(n, []context.Context{background, ctx, background})
	cancel()
	if got := <-arrivals; got.waiter != 1 || got.err != context.Canceled {
		t.Errorf("waiter %d got %v; want waiter 1 to get context.Canceled", got.waiter, got.err)
	}
	mustAdd(t, n, 5)
	if got := <-arrivals; got.count != 5 {
		t.Errorf("the waiter got %d, %v; want 5", got.count, got.err)
	}
	n.C()
	if after, poller := leaktest.Ours(t); after > before || poller {
		t.Errorf("%d descriptors with a private Notifier, poller %v; want at most %d, as before, and none", after, poller, before)
	}
}
