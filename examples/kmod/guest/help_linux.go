package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/eventchan/eventchan/examples/kmod/device"
	"github.com/eventchan/eventchan/notify"
)

// silence is how long a check waits before a signal counts as lost. An emulated machine on a busy host
// sometimes stands still for a second.
const silence = 5 * time.Second

// calm is how long a check waits where no signal must come.
const calm = 50 * time.Millisecond

// soon returns a context for one wait for something that must happen.
func soon() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), silence)
}

// sum receives until the sum of the counts is want, and checks that no more come.
func sum(n *notify.Notifier, want uint64) error {
	for got := uint64(0); got != want; {
		count, err := next(n)
		if err != nil {
			return fmt.Errorf("%d of %d signals came: %w", got, want, err)
		}
		if got += count; got > want {
			return fmt.Errorf("%d signals came, want %d", got, want)
		}
	}
	return quiet(n)
}

func next(n *notify.Notifier) (uint64, error) {
	ctx, cancel := soon()
	defer cancel()
	return n.Wait(ctx)
}

// quiet checks that no signal comes.
func quiet(n *notify.Notifier) error {
	ctx, cancel := context.WithTimeout(context.Background(), calm)
	defer cancel()
	if count, err := n.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("got %d, %v where nothing should come", count, err)
	}
	return nil
}

// drained takes the count when no more signals can come.
func drained(n *notify.Notifier) uint64 {
	count, _ := n.TryWait()
	return count
}

// closing closes c at the end of a function that returns *err, and adds the error of Close.
func closing(c io.Closer, err *error) { *err = errors.Join(*err, c.Close()) }

// opened runs fn with an open device.
func opened(fn func(*device.Device) error) (err error) {
	d, err := device.Open()
	if err != nil {
		return err
	}
	defer closing(d, &err)
	return fn(d)
}

// attached runs fn with a device and the new notifier that it signals.
func attached(fn func(*device.Device, *notify.Notifier) error) error {
	return opened(func(d *device.Device) (err error) {
		n, err := notify.New()
		if err != nil {
			return err
		}
		defer closing(n, &err)
		if err := d.Attach(n.FD()); err != nil {
			return err
		}
		return fn(d, n)
	})
}

// listening runs fn with a device that waits for the first notifier and answers on the second.
func listening(fn func(d *device.Device, in, reply *notify.Notifier) error) error {
	return attached(func(d *device.Device, reply *notify.Notifier) (err error) {
		in, err := notify.New()
		if err != nil {
			return err
		}
		defer closing(in, &err)
		if err := d.Listen(in.FD(), reply.FD()); err != nil {
			return err
		}
		return fn(d, in, reply)
	})
}

// same returns an error if the numbers differ.
func same(what string, got, want uint64) error {
	if got != want {
		return fmt.Errorf("%s: %d, want %d", what, got, want)
	}
	return nil
}
