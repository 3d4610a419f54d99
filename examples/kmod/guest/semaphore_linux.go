package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/eventchan/eventchan/examples/internal/check"
	"github.com/eventchan/eventchan/examples/kmod/device"
	"github.com/eventchan/eventchan/semaphore"
)

// The kernel releases permits and Go acquires them: n signals are n acquires.
var semaphoreChecks = []check.Check{
	{Name: "permits-one-by-one", Run: permitsOneByOne},
	{Name: "permits-all-at-once", Run: permitsAllAtOnce},
	{Name: "permits-through-c", Run: permitsThroughC},
}

// released runs fn with a semaphore of which the kernel releases count permits, each from an interrupt.
func released(count uint64, fn func(*semaphore.Semaphore) error) error {
	return opened(func(d *device.Device) (err error) {
		s, err := semaphore.New(0)
		if err != nil {
			return err
		}
		defer closing(s, &err)
		if err := errors.Join(d.Attach(s.FD()), d.Signal(count, device.Timer, 20)); err != nil {
			return err
		}
		if err := fn(s); err != nil {
			return err
		}
		if s.TryAcquire(1) {
			return fmt.Errorf("more permits than the %d released", count)
		}
		return nil
	})
}

func permitsOneByOne() error {
	return released(2_000, func(s *semaphore.Semaphore) error {
		for i := range 2_000 {
			if err := acquire(s, 1); err != nil {
				return fmt.Errorf("acquire %d of 2000: %w", i+1, err)
			}
		}
		return nil
	})
}

func permitsAllAtOnce() error {
	return released(500, func(s *semaphore.Semaphore) error { return acquire(s, 500) })
}

func permitsThroughC() error {
	return released(1_000, func(s *semaphore.Semaphore) error {
		for i := range 1_000 {
			select {
			case <-s.C():
			case <-time.After(silence):
				return fmt.Errorf("%d of 1000 permits came", i)
			}
		}
		return nil
	})
}

func acquire(s *semaphore.Semaphore, n int64) error {
	ctx, cancel := soon()
	defer cancel()
	return s.Acquire(ctx, n)
}
