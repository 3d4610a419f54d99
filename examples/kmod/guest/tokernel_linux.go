package main

import (
	"errors"
	"fmt"

	"github.com/eventchan/eventchan/examples/internal/check"
	"github.com/eventchan/eventchan/examples/kmod/device"
	"github.com/eventchan/eventchan/notify"
	"github.com/eventchan/eventchan/semaphore"
)

// Go signals and the kernel receives, in the wake function of ../module/listener.c.
var toKernelChecks = []check.Check{
	{Name: "kernel-receives-each", Run: kernelReceivesEach},
	{Name: "kernel-receives-what-was-pending", Run: kernelReceivesPending},
	{Name: "echo-round-trips", Run: echoRoundTrips},
	{Name: "echo-of-many", Run: echoOfMany},
	{Name: "kernel-takes-permits", Run: kernelTakesPermits},
	{Name: "unlisten-leaves-the-rest", Run: unlistenLeavesRest},
	{Name: "kernel-sees-hang-up", Run: kernelSeesHangUp},
}

// kernelReceivesEach does not have to wait, because the wake function has run when Notify returns.
func kernelReceivesEach() error {
	return listening(func(d *device.Device, in, reply *notify.Notifier) error {
		if err := notifyTimes(in, 1_000); err != nil {
			return err
		}
		stats, err := d.Stats()
		return errors.Join(err, same("received", stats.Received, 1_000), same("wake-ups", stats.Wakeups, 1_000),
			sum(reply, 1_000))
	})
}

func kernelReceivesPending() error {
	return attached(func(d *device.Device, reply *notify.Notifier) (err error) {
		in, err := notify.New()
		if err != nil {
			return err
		}
		defer closing(in, &err)
		return errors.Join(in.Add(7), d.Listen(in.FD(), reply.FD()), sum(reply, 7))
	})
}

func echoRoundTrips() error {
	return listening(func(d *device.Device, in, reply *notify.Notifier) error {
		for i := range 1_000 {
			if err := in.Notify(); err != nil {
				return err
			}
			if count, err := next(reply); count != 1 || err != nil {
				return fmt.Errorf("round trip %d: %d, %v; want 1", i, count, err)
			}
		}
		return quiet(reply)
	})
}

func echoOfMany() error {
	return listening(func(d *device.Device, in, reply *notify.Notifier) error {
		return errors.Join(in.Add(50_000), sum(reply, 50_000))
	})
}

// kernelTakesPermits makes the kernel take from a semaphore, one permit at a time however they are released.
func kernelTakesPermits() error {
	return attached(func(d *device.Device, reply *notify.Notifier) (err error) {
		s, err := semaphore.New(0)
		if err != nil {
			return err
		}
		defer closing(s, &err)
		if err := d.Listen(s.FD(), reply.FD()); err != nil {
			return err
		}
		s.Release(1)
		s.Release(100)
		if err := sum(reply, 101); err != nil {
			return err
		}
		left, err := s.Count()
		return errors.Join(err, same("permits left", uint64(left), 0))
	})
}

// unlistenLeavesRest checks that Unlisten separates the counts: those before it go to the kernel, those after it to
// Go.
func unlistenLeavesRest() error {
	return listening(func(d *device.Device, in, reply *notify.Notifier) error {
		err := errors.Join(in.Add(11), d.Unlisten(), in.Add(13))
		stats, statsErr := d.Stats()
		return errors.Join(err, statsErr, same("kernel received", stats.Received, 11), sum(in, 13))
	})
}

// kernelSeesHangUp closes an eventfd for which the kernel waits. The kernel sees only the close of the last
// descriptor, so the check fails if the library keeps a duplicate.
func kernelSeesHangUp() error {
	return attached(func(d *device.Device, _ *notify.Notifier) error {
		in, err := notify.New()
		if err != nil {
			return err
		}
		err = errors.Join(d.Listen(in.FD(), device.NoReply), in.Add(5), in.Close())
		stats, statsErr := d.Stats()
		return errors.Join(err, statsErr, same("received", stats.Received, 5), same("hang-ups", stats.Hangups, 1))
	})
}
