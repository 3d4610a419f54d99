package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/examples/internal/check"
	"github.com/eventchan/eventchan/examples/kmod/device"
	"github.com/eventchan/eventchan/notify"
)

// The kernel signals and Go receives: no signal must be lost, and none must be received twice.
var toUserChecks = []check.Check{
	{Name: "sum-from-caller", Run: func() error { return sumFrom(device.Caller, 1_000) }},
	{Name: "sum-from-thread", Run: func() error { return sumFrom(device.Thread, 100_000) }},
	{Name: "sum-from-interrupt", Run: func() error { return sumFrom(device.Timer, 100_000) }},
	{Name: "sum-from-all-through-c", Run: sumFromAll},
	{Name: "edge-to-bridge", Run: edgeToBridge},
	{Name: "detach-stops-senders", Run: detachStops},
}

func sumFrom(from device.Source, count uint64) error {
	return attached(func(d *device.Device, n *notify.Notifier) error {
		if err := d.Signal(count, from, device.MinPeriod); err != nil {
			return err
		}
		if err := sum(n, count); err != nil {
			return err
		}
		stats, err := d.Stats()
		irq := uint64(0)
		if from == device.Timer {
			irq = count
		}
		return errors.Join(err, same("sent", stats.Sent, count), same("sent in interrupts", stats.SentIRQ, irq))
	})
}

// sumFromAll makes all senders and Go itself add to one counter, and receives from its channel.
func sumFromAll() error {
	const fromThread, fromTimer, fromCaller, fromGo = 20_000, 2_000, 300, 4_000
	return attached(func(d *device.Device, n *notify.Notifier) error {
		counts := n.C()
		errs := make(chan error, 1)
		go func() {
			errs <- errors.Join(d.Signal(fromThread, device.Thread, 0), d.Signal(fromTimer, device.Timer, 50),
				notifyTimes(n, fromGo), d.Signal(fromCaller, device.Caller, 0))
		}()
		got := uint64(0)
		for got < fromThread+fromTimer+fromCaller+fromGo {
			select {
			case count := <-counts:
				got += count
			case <-time.After(silence):
				return fmt.Errorf("%d signals came, then none: %w", got, <-errs)
			}
		}
		return errors.Join(<-errs, same("sum", got, fromThread+fromTimer+fromCaller+fromGo))
	})
}

func notifyTimes(n *notify.Notifier, times int) error {
	for range times {
		if err := n.Notify(); err != nil {
			return err
		}
	}
	return nil
}

// edgeToBridge watches an eventfd that the kernel signals, as any other descriptor.
func edgeToBridge() error {
	return attached(func(d *device.Device, n *notify.Notifier) (err error) {
		w, err := bridge.Watch(n.FD(), bridge.Readable)
		if err != nil {
			return err
		}
		defer closing(w, &err)
		if err := d.Signal(3, device.Timer, device.MinPeriod); err != nil {
			return err
		}
		select {
		case events := <-w.C():
			if events != bridge.Readable {
				return fmt.Errorf("events %v, want %v", events, bridge.Readable)
			}
		case <-time.After(silence):
			return errors.New("no event")
		}
		return sum(n, 3)
	})
}

// detachStops takes an eventfd back from senders that would not end otherwise. The sum received is exactly what they
// have sent.
func detachStops() error {
	return attached(func(d *device.Device, n *notify.Notifier) error {
		got, err := endless(d, n)
		if err != nil {
			return err
		}
		if err := d.Detach(); err != nil {
			return err
		}
		got += drained(n)
		stats, err := d.Stats()
		return errors.Join(err, same("received", got, stats.Sent), quiet(n))
	})
}

// timerPeriod is in microseconds. An emulated processor takes several for an interrupt, and many on a busy host. With
// a shorter period the newest kernels, which preempt less, hardly do anything else.
const timerPeriod = 100

// endless starts both background senders without an end and receives a few times, so that both are running.
func endless(d *device.Device, n *notify.Notifier) (got uint64, err error) {
	err = errors.Join(d.Signal(device.Forever, device.Thread, 0), d.Signal(device.Forever, device.Timer, timerPeriod))
	for range 100 {
		if err != nil {
			break
		}
		var count uint64
		count, err = next(n)
		got += count
	}
	return got, err
}
