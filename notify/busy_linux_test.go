package notify_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/handletest"
	"github.com/eventchan/eventchan/notify"
)

// compute keeps the only processor busy with goroutines that never wait, until stop is called.
func compute(goroutines int) (stop func()) {
	before := runtime.GOMAXPROCS(1)
	var stopped atomic.Bool
	for range goroutines {
		go func() {
			for !stopped.Load() {
				hammer.Yield()
			}
		}()
	}
	return func() {
		stopped.Store(true)
		runtime.GOMAXPROCS(before)
	}
}

// streamed returns a shared Notifier whose consumer has seen bursts, after which it stays awake for a
// while.
func streamed(t *testing.T) *notify.Notifier {
	n := mustNew(t)
	h := n.Handle()
	for range 3 {
		arrivals := startWaiters(n, contexts(1))
		handletest.Signal(h, 9)
		<-arrivals
		handletest.Signal(h, 9)
		wantWait(t, n, 9)
	}
	return n
}

// A consumer that stays awake notices that its context has ended, and does not keep other objects from
// their events, even if each turn takes long in a busy process.
func TestStayingAwakeIsShortInABusyProcess(t *testing.T) {
	n, other, exported := streamed(t), mustNew(t), mustNew(t)
	forOther := other.Handle()
	exported.FD()
	others := startWaiters(other, contexts(1))
	exporteds := startWaiters(exported, contexts(1))
	defer compute(4)()
	for range 3 {
		ctx, cancel := context.WithTimeout(background, 20*time.Millisecond)
		begin := hammer.CPU(t)
		_, err := n.Wait(ctx)
		took := hammer.CPU(t) - begin
		cancel()
		t.Logf("%v", took)
		if !errors.Is(err, context.DeadlineExceeded) || took > time.Second {
			t.Errorf("Wait with a deadline of 20 ms returned %v after %v of CPU, want the deadline's error in less than a second", err, took)
		}
	}
	begin := hammer.CPU(t)
	handletest.Signal(forOther, 3)
	mustWrite(t, exported, 4)
	for _, arrivals := range []<-chan arrival{others, exporteds} {
		<-arrivals
		if took := hammer.CPU(t) - begin; took > time.Second {
			t.Errorf("another object's event took %v of CPU, want less than a second", took)
		}
	}
}
