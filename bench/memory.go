//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/metrics"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
)

// memory compares what an object needs of Go's heap while a goroutine waits for
// it, beyond what a goroutine needs that waits for a channel which all share.
func memory(s settings) []comparison {
	n := descriptorsAtMost(min(10_000, s.most))
	const waiter, most = "goroutine in a select on a channel", 600
	c := comparison{
		title: fmt.Sprintf("Go heap of a waiting object, of %d", n), unit: "bytes", count: n,
		rows: slices.Concat([]contestant{{waiter, heapOf(newPlain)}},
			inModes("Notifier and its Wait", newWaitingNotifier), inModes("Semaphore and its Acquire", newWaitingSemaphore),
			[]contestant{{"Watcher and its Wait", heapOf(newWaitingWatcher)}, {"os.File and its Read", heapOf(newWaitingFile)}}),
	}
	for _, r := range c.rows[1 : len(c.rows)-1] {
		c.targets = append(c.targets, beyond(most, r.name, waiter))
	}
	return []comparison{c}
}

// A waited is an object that one goroutine waits for until stop.
type waited struct {
	wait func(ctx context.Context)
	stop func()
}

// heapOf makes a contestant: n objects with a goroutine each.
func heapOf(open func() (waited, error)) func(int) (measurement, error) {
	return func(n int) (measurement, error) {
		spareGoroutines(n)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		// The objects are kept by their goroutines alone, and what stops them,
		// which a program would not need, is made before.
		stops := make([]func(), 0, n)
		before := heap()
		var wg sync.WaitGroup
		for range n {
			w, err := open()
			if err != nil {
				return measurement{}, err
			}
			stops = append(stops, w.stop)
			wg.Add(1)
			go func() { defer wg.Done(); w.wait(ctx) }()
		}
		if err := untilWaiting(n); err != nil {
			return measurement{}, err
		}
		after := heap()
		cancel()
		for _, stop := range stops {
			stop()
		}
		wg.Wait()
		return measurement{value: (float64(after) - float64(before)) / float64(n), allocs: -1}, nil
	}
}

// spareGoroutines lets the runtime keep n goroutines that have ended, so that
// those which start later take nothing from the heap.
func spareGoroutines(n int) {
	var wg sync.WaitGroup
	hold := make(chan struct{})
	for range n {
		wg.Go(func() { <-hold })
	}
	close(hold)
	wg.Wait()
}

// heap is what the heap holds that is in use.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // what the first one left in pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// untilWaiting returns when n goroutines are asleep. It fails when they are not
// even after a minute, because their waits have returned.
func untilWaiting(n int) error {
	sample := []metrics.Sample{{Name: "/sched/goroutines/waiting:goroutines"}}
	for range 60_000 {
		metrics.Read(sample)
		if sample[0].Value.Uint64() >= uint64(n) {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return fmt.Errorf("of %d goroutines that should wait, %d do", n, sample[0].Value.Uint64())
}

// plain is what goroutines without an object wait for.
var plain = make(chan struct{})

func newPlain() (waited, error) {
	return waited{func(ctx context.Context) {
		select {
		case <-plain:
		case <-ctx.Done():
		}
	}, func() {}}, nil
}

func newWaitingNotifier(m mode) func(int) (measurement, error) {
	return heapOf(func() (waited, error) {
		n, _, err := m.notifier()
		if err != nil {
			return waited{}, err
		}
		return waited{func(ctx context.Context) { n.Wait(ctx) }, func() { n.Close() }}, nil
	})
}

func newWaitingSemaphore(m mode) func(int) (measurement, error) {
	return heapOf(func() (waited, error) {
		s, err := m.semaphore(0)
		if err != nil {
			return waited{}, err
		}
		return waited{func(ctx context.Context) { s.Acquire(ctx, 1) }, func() { s.Close() }}, nil
	})
}

func newWaitingWatcher() (waited, error) {
	fd, err := newEventfd(unix.EFD_NONBLOCK)
	if err != nil {
		return waited{}, err
	}
	w, err := bridge.Watch(fd, bridge.Readable)
	if err != nil {
		return waited{}, err
	}
	return waited{func(ctx context.Context) { w.Wait(ctx) }, func() { w.Close(); unix.Close(fd) }}, nil
}

func newWaitingFile() (waited, error) {
	fd, err := newEventfd(unix.EFD_NONBLOCK)
	if err != nil {
		return waited{}, err
	}
	f := os.NewFile(uintptr(fd), "eventfd")
	return waited{func(context.Context) { takeFile(f) }, func() { f.Close() }}, nil
}
