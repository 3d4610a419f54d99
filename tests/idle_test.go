//go:build linux

package tests

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/internal/testing/hammer"
)

// The process uses little CPU time while everything that can be ready is left ready and is not
// received or drained.
func TestUndrainedDescriptorDoesNotSpin(t *testing.T) {
	ready := eventfd(t, 1, unix.EFD_NONBLOCK)
	watch(t, ready, bridge.Readable|bridge.Writable) // no goroutine receives
	once := watch(t, ready, bridge.Readable)
	receive(t, once.C())
	waited := watch(t, ready, bridge.Readable)
	if _, err := waited.Wait(soon(t)); err != nil {
		t.Fatal(err)
	}
	var sleepers sync.WaitGroup
	defer sleepers.Wait()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	other := watch(t, ready, bridge.Priority) // ready, but without this event
	sleepers.Go(func() { other.Wait(ctx) })

	pending := newNotifier(t) // its waiter gives up, and its count stays pending
	gone, give := context.WithCancel(context.Background())
	waiter := inBackground(func() error { _, err := pending.Wait(gone); return err })
	allAsleep(t)
	give()
	if err, _ := receive(t, waiter); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want context.Canceled", err)
	}
	mustAdd(t, pending, 3)
	held := newNotifier(t) // no goroutine receives what C holds
	mustAdd(t, held, 5)
	held.C()
	mustAdd(t, held, 7)

	offered := newSemaphore(t, 3)
	offered.C() // reserves a permit that no goroutine receives
	few := newSemaphore(t, 3)
	sleepers.Go(func() { few.Acquire(ctx, 5) })
	twinned := twinSemaphore(t, few) // each wants more permits than there are
	sleepers.Go(func() { twinned.Acquire(ctx, 4) })

	allAsleep(t)
	idle := time.Second
	if !hammer.InCI() {
		idle /= 4 // what spins takes as large a part of it
	}
	before, start := cpuTime(t), time.Now()
	<-time.After(idle)
	used, wall := cpuTime(t)-before, time.Since(start)
	t.Logf("%v of CPU in %v", used, wall)
	if used > wall/5 {
		t.Errorf("%v of CPU in %v with nothing to do: something spins", used, wall)
	}
}

func cpuTime(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
