package semaphore_test

import (
	"context"
	"os"
	"testing"

	"github.com/eventchan/eventchan/internal/testing/leaktest"
	"github.com/eventchan/eventchan/semaphore"
)

func TestPrivateNeedsNeitherDescriptorNorPoller(t *testing.T) {
	leaktest.Baseline() // waits until everything that earlier tests closed has ended
	before, _ := leaktest.Ours(t)
	s, err := semaphore.New(4)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	mustAcquire(t, s, 3)
	wantTry(t, s, 1, true)
	c := newCrowd(s)
	c.join(background, 2)
	ctx, cancel := context.WithCancel(background)
	c.join(ctx, 1)
	cancel()
	c.want(t, 1, context.Canceled)
	s.Release(2)
	c.want(t, 0, nil)
	s.C()
	c.join(background, 2)
	if after, poller := leaktest.Ours(t); after > before || poller {
		t.Errorf("%d descriptors with a private Semaphore, poller %v; want at most %d, as before, and none", after, poller, before)
	}
	s.Close()
	c.want(t, 2, os.ErrClosed)
}
