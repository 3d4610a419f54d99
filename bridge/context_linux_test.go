package bridge_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/internal/testing/hammer"
)

// eachWaiter runs a test with the Wait of a Watcher and of a Set. sleeps reports whether a goroutine is
// blocked in Wait, and use calls a method that takes the lock.
func eachWaiter(t *testing.T, test func(t *testing.T, p *tube, wait func(context.Context) error, sleeps func() bool, use func())) {
	t.Run("Watcher", func(t *testing.T) {
		p := newTube(t)
		w := mustWatch(t, p.r, bridge.Readable)
		wait := func(ctx context.Context) error { _, err := w.Wait(ctx); return err }
		test(t, p, wait, func() bool { return bridge.Waiters(w) > 0 }, func() { _ = w.String() })
	})
	t.Run("Set", func(t *testing.T) {
		p := newTube(t)
		s := mustSet[string](t)
		mustAddTo(t, s, p.r, bridge.Readable, "a")
		wait := func(ctx context.Context) error { _, err := s.Wait(ctx, make([]event, 1)); return err }
		sleeps := func() bool { leading, _ := bridge.Sleeping(s); return leading }
		test(t, p, wait, sleeps, func() { s.Poll(nil) })
	})
}

// Methods of a context can use the object, because Wait does not call them with the lock held.
func TestContextUsesTheObject(t *testing.T) {
	eachWaiter(t, func(t *testing.T, p *tube, wait func(context.Context) error, sleeps func() bool, use func()) {
		inner, cancel := context.WithCancel(background)
		ctx := &hammer.HookedContext{Context: inner, Hook: use}
		ended := make(chan error)
		start := func() {
			go func() { ended <- wait(ctx) }()
			for !sleeps() {
				runtime.Gosched()
			}
		}
		start()
		p.write(t)
		if err := <-ended; err != nil {
			t.Errorf("Wait = %v", err)
		}
		p.read(t)
		start()
		cancel()
		wantIs(t, "Wait", <-ended, context.Canceled)
	})
}

// A context that panics ends its own Wait, and no other goroutine sleeps on.
func TestContextPanics(t *testing.T) {
	eachWaiter(t, func(t *testing.T, p *tube, wait func(context.Context) error, sleeps func() bool, _ func()) {
		hammer.PanicEach(func(ctx context.Context, cancel func()) {
			ended := make(chan error, 1)
			start := func() {
				go func() { ended <- hammer.Recover(func() error { return wait(ctx) }) }()
				for !sleeps() && len(ended) == 0 {
					runtime.Gosched()
				}
			}
			start()
			p.write(t)
			err := <-ended
			p.read(t)
			if err == nil {
				start()
				cancel()
				<-ended
			}
			if sleeps() {
				t.Fatal("the Wait that has ended is still counted")
			}
			limit, end := context.WithTimeout(background, 10*time.Second)
			defer end()
			p.write(t)
			if err := wait(limit); err != nil {
				t.Fatalf("Wait = %v", err)
			}
			p.read(t)
		})
	})
}

// A context that is done and has no error does not make Wait return as if there were an event.
func TestContextWithoutAnError(t *testing.T) {
	eachWaiter(t, func(t *testing.T, p *tube, wait func(context.Context) error, sleeps func() bool, _ func()) {
		inner, cancel := context.WithCancel(background)
		ended := make(chan error, 1)
		go func() { ended <- wait(hammer.SilentContext{Context: inner}) }()
		for !sleeps() {
			runtime.Gosched()
		}
		cancel()
		wantIs(t, "Wait", <-ended, context.Canceled)
	})
}
