package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/eventchan/eventchan/examples/internal/check"
	"github.com/eventchan/eventchan/examples/kmod/device"
	"github.com/eventchan/eventchan/notify"
	"golang.org/x/sys/unix"
)

// In these checks one of the two sides goes while the other is working.
var lifetimeChecks = []check.Check{
	{Name: "unload-refused-while-signaling", Run: unloadWhileOpen},
	{Name: "unload-while-signaling", Run: unloadWhileTimerRuns},
	{Name: "eventfd-closed-while-signaling", Run: closedWhileSignaling},
	{Name: "program-killed-while-signaling", Run: programKilled},
}

// unloadWhileOpen checks that the module cannot be unloaded while the senders of an open device are running, but can
// be immediately after.
func unloadWhileOpen() error {
	n, err := notify.New()
	if err != nil {
		return err
	}
	defer n.Close()
	err = opened(func(d *device.Device) error {
		if err := d.Attach(n.FD()); err != nil {
			return err
		}
		_, err := endless(d, n)
		return errors.Join(err, refused("delete_module", unload(deviceModule), unix.EWOULDBLOCK))
	})
	err = errors.Join(err, nothingHeld(), unload(deviceModule))
	drained(n)
	return errors.Join(err, quiet(n), load(deviceModule, ""))
}

// unloadWhileTimerRuns unloads a module that nothing holds, in the middle of its signals, many times.
func unloadWhileTimerRuns() (err error) {
	n, err := notify.New()
	if err != nil {
		return err
	}
	defer closing(n, &err)
	parameters := fmt.Sprintf("pid=%d efd=%d every_us=%d", os.Getpid(), n.FD(), timerPeriod)
	for range 10 {
		if err := load(pidModule, parameters); err != nil {
			return err
		}
		for range 20 {
			if _, err := next(n); err != nil {
				return fmt.Errorf("while loaded: %w", err)
			}
		}
		if err := unload(pidModule); err != nil {
			return err
		}
	}
	drained(n)
	return quiet(n)
}

// closedWhileSignaling closes the notifier first. The kernel goes on with a counter that no process can reach.
func closedWhileSignaling() error {
	return opened(func(d *device.Device) error {
		n, err := notify.New()
		if err != nil {
			return err
		}
		if err := d.Attach(n.FD()); err != nil {
			return errors.Join(err, n.Close())
		}
		_, err = endless(d, n)
		return errors.Join(err, n.Close(), d.Detach())
	})
}

// programKilled starts a child that gives the module a notifier shared with this process, and kills the child. Until
// then signals come; after that they have stopped, and the module can be unloaded.
func programKilled() (err error) {
	n, err := notify.New()
	if err != nil {
		return err
	}
	defer closing(n, &err)
	child, err := startHolder(n)
	if err != nil {
		return err
	}
	for range 20 {
		if _, err = next(n); err != nil {
			break
		}
	}
	err = errors.Join(err, kill(child))
	drained(n)
	return errors.Join(err, quiet(n), nothingHeld(), unload(deviceModule), load(deviceModule, ""))
}

func kill(child *exec.Cmd) error {
	err := child.Process.Kill()
	child.Wait()
	if status := child.ProcessState.String(); status != "signal: killed" {
		return fmt.Errorf("child ended with %s before it was killed (%v)", status, err)
	}
	return err
}

// holdCommand makes this program the child: /init hold.
const holdCommand = "hold"

// startHolder starts the child with n as its descriptor 3 and waits until the module holds it.
func startHolder(n *notify.Notifier) (*exec.Cmd, error) {
	file, err := n.File()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	child := exec.Command("/proc/self/exe", holdCommand)
	child.ExtraFiles = []*os.File{file}
	child.Stderr = os.Stderr
	output, err := child.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := child.Start(); err != nil {
		return nil, err
	}
	if line, err := bufio.NewReader(output).ReadString('\n'); line != "holding\n" {
		return nil, fmt.Errorf("child: %q, %v", line, errors.Join(err, child.Process.Kill(), child.Wait()))
	}
	return child, nil
}

// hold is the child. It makes the module use three eventfds, says so, and waits to be killed.
func hold() {
	err := attached(func(d *device.Device, never *notify.Notifier) error {
		n, err := notify.FromFD(3)
		if err != nil {
			return err
		}
		in, err := notify.New()
		if err != nil {
			return err
		}
		// The listener owes more answers than it can ever send, and the senders do not end either.
		err = errors.Join(d.Detach(), d.Attach(n.FD()), d.Listen(in.FD(), n.FD()), in.Add(1<<40),
			d.Signal(device.Forever, device.Thread, 0), d.Signal(device.Forever, device.Timer, timerPeriod))
		if err != nil {
			return err
		}
		fmt.Println("holding")
		_, err = never.Wait(context.Background())
		return err
	})
	fmt.Fprintln(os.Stderr, "hold:", err)
	os.Exit(1)
}
