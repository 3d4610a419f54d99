package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/eventchan/eventchan/examples/internal/check"
	"github.com/eventchan/eventchan/examples/kmod/device"
	"github.com/eventchan/eventchan/notify"
	"golang.org/x/sys/unix"
)

// Both modules must report what is wrong, and hold nothing afterwards.
var refusalChecks = []check.Check{
	{Name: "device-refuses", Run: deviceRefuses},
	{Name: "pid-module-refuses", Run: pidModuleRefuses},
	{Name: "pid-module-signals", Run: pidModuleSignals},
}

const noSuchFD = 9_999

// refused returns an error that names the call unless the call has failed with the error want.
func refused(call string, got, want error) error {
	if !errors.Is(got, want) {
		return fmt.Errorf("%s: %v, want %v", call, got, want)
	}
	return nil
}

func deviceRefuses() error {
	pipe, _, err := os.Pipe()
	if err != nil {
		return err
	}
	defer pipe.Close()
	notAnEventFD := int(pipe.Fd())
	err = opened(func(d *device.Device) error {
		return errors.Join(
			refused("attach a bad descriptor", d.Attach(noSuchFD), unix.EBADF),
			refused("attach a negative one", d.Attach(-1), unix.EBADF),
			refused("attach a pipe", d.Attach(notAnEventFD), unix.EINVAL),
			refused("listen to a bad descriptor", d.Listen(noSuchFD, device.NoReply), unix.EBADF),
			refused("listen to a pipe", d.Listen(notAnEventFD, device.NoReply), unix.EINVAL),
			refused("signal nothing", d.Signal(1, device.Caller, 0), unix.ENOTCONN),
			refused("detach nothing", d.Detach(), unix.ENOTCONN),
			refused("unlisten to nothing", d.Unlisten(), unix.ENOTCONN))
	})
	return errors.Join(err, attached(refusesSecond), nothingHeld())
}

func refusesSecond(d *device.Device, n *notify.Notifier) error {
	return errors.Join(
		refused("attach a second", d.Attach(n.FD()), unix.EBUSY),
		refused("answer on a bad descriptor", d.Listen(n.FD(), noSuchFD), unix.EBADF),
		refused("signal from nowhere", d.Signal(1, device.Timer+1, 0), unix.EINVAL),
		refused("signal without pause", d.Signal(1, device.Timer, 0), unix.EINVAL),
		d.Signal(device.Forever, device.Thread, 0),
		refused("signal twice at a time", d.Signal(1, device.Thread, 0), unix.EBUSY))
}

func pidModuleRefuses() error {
	pipe, _, err := os.Pipe()
	if err != nil {
		return err
	}
	defer pipe.Close()
	loadFor := func(pid, fd int) error { return load(pidModule, fmt.Sprintf("pid=%d efd=%d", pid, fd)) }
	return errors.Join(
		refused("no such process", loadFor(1<<22-1, 0), unix.ESRCH),
		refused("no such descriptor", loadFor(os.Getpid(), noSuchFD), unix.EBADF),
		refused("a negative descriptor", loadFor(os.Getpid(), -1), unix.EBADF),
		refused("not an eventfd", loadFor(os.Getpid(), int(pipe.Fd())), unix.EINVAL))
}

// pidModuleSignals is the classic demonstration: loading the module wakes the process.
func pidModuleSignals() (err error) {
	n, err := notify.New()
	if err != nil {
		return err
	}
	defer closing(n, &err)
	if err := load(pidModule, fmt.Sprintf("pid=%d efd=%d", os.Getpid(), n.FD())); err != nil {
		return err
	}
	return errors.Join(sum(n, 1), unload(pidModule))
}
