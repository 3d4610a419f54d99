package main

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/examples/internal/check"
	"github.com/eventchan/eventchan/examples/kmod/device"
	"github.com/eventchan/eventchan/notify"
	"github.com/eventchan/eventchan/semaphore"
)

// Only the kernel can raise a counter to MaxUint64, one more than write(2) allows. poll(2) then reports an error
// with the readiness; for the library it is a count like any other.
var overflowChecks = []check.Check{
	{Name: "overflow-to-try-wait", Run: overflowTo(func(n *notify.Notifier) (uint64, error) { return drained(n), nil })},
	{Name: "overflow-to-wait", Run: overflowTo(next)},
	{Name: "overflow-to-waiter", Run: overflowToWaiter},
	{Name: "overflow-to-c", Run: overflowTo(nextFromC)},
	{Name: "overflow-to-bridge", Run: overflowToBridge},
	{Name: "overflow-to-semaphore", Run: overflowToSemaphore},
}

// overflown runs fn with a notifier that the kernel has signaled past its maximum.
func overflown(fn func(*notify.Notifier) error) error {
	return attached(func(d *device.Device, n *notify.Notifier) error {
		if err := n.Add(notify.MaxCount); err != nil {
			return err
		}
		if err := d.Signal(1, device.Caller, 0); err != nil {
			return err
		}
		if err := n.Notify(); !errors.Is(err, notify.ErrOverflow) {
			return fmt.Errorf("a full counter answers Notify with %v, want ErrOverflow", err)
		}
		return fn(n)
	})
}

func overflowTo(receive func(*notify.Notifier) (uint64, error)) func() error {
	return func() error {
		return overflown(func(n *notify.Notifier) error {
			got, err := receive(n)
			return errors.Join(err, same("count", got, math.MaxUint64), sumAfter(n))
		})
	}
}

// sumAfter checks that the counter works as before after the overflow was received.
func sumAfter(n *notify.Notifier) error {
	if err := n.Add(9); err != nil {
		return err
	}
	got, ok := n.TryWait()
	if !ok { // C is in use and has the count
		var err error
		if got, err = nextFromC(n); err != nil {
			return err
		}
	}
	return same("count after the overflow", got, 9)
}

func nextFromC(n *notify.Notifier) (uint64, error) {
	select {
	case count := <-n.C():
		return count, nil
	case <-time.After(silence):
		return 0, errors.New("nothing came through C")
	}
}

// overflowToWaiter makes the counter overflow while a goroutine waits. The goroutine can get the count from before the
// overflow; then the rest is received after it.
func overflowToWaiter() error {
	return attached(func(d *device.Device, n *notify.Notifier) error {
		counts := make(chan uint64, 1)
		go func() {
			count, _ := next(n)
			counts <- count
		}()
		err := errors.Join(n.Add(notify.MaxCount), d.Signal(1, device.Timer, device.MinPeriod))
		got := <-counts
		if got == notify.MaxCount {
			last, nextErr := next(n)
			got, err = got+last, errors.Join(err, nextErr)
		}
		return errors.Join(err, same("sum", got, math.MaxUint64))
	})
}

func overflowToBridge() error {
	return overflown(func(n *notify.Notifier) (err error) {
		w, err := bridge.Watch(n.FD(), bridge.Readable)
		if err != nil {
			return err
		}
		defer closing(w, &err)
		ctx, cancel := soon()
		defer cancel()
		if events, err := w.Wait(ctx); events != bridge.Readable|bridge.Failed || err != nil {
			return fmt.Errorf("events %v, %v; want %v", events, err, bridge.Readable|bridge.Failed)
		}
		return nil
	})
}

// overflowToSemaphore checks that permits can be acquired from a semaphore that is past its maximum.
func overflowToSemaphore() error {
	return opened(func(d *device.Device) (err error) {
		s, err := semaphore.New(math.MaxInt64)
		if err != nil {
			return err
		}
		defer closing(s, &err)
		s.Release(math.MaxInt64)
		if err := errors.Join(d.Attach(s.FD()), d.Signal(1, device.Caller, 0)); err != nil {
			return err
		}
		for range 3 {
			if err := acquire(s, 1); err != nil {
				return err
			}
		}
		count, err := s.Count()
		return errors.Join(err, same("permits", uint64(count), math.MaxInt64))
	})
}
