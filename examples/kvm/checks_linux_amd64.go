package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/eventchan/eventchan/examples/internal/check"
	"github.com/eventchan/eventchan/examples/kvm/vm"
	"github.com/eventchan/eventchan/notify"
)

// Ports of the guests.
const (
	kick    = 0x10 // to which a guest writes
	pong    = 0x12 // its answer to an interrupt
	ready   = 0x14
	settled = 0x16
)

// silence returns how long a check waits before a signal counts as lost. An emulated machine on a busy host sometimes
// stands still for tens of seconds. If a signal is lost on purpose, waiting for it is only a waste of time.
func silence() time.Duration {
	if lost > 0 {
		return 2 * time.Second
	}
	return 90 * time.Second
}

func available() error { return vm.Available() }

func allChecks() []check.Check { return slices.Concat(ioChecks, irqChecks, refusalChecks) }

// lost is 1 if each check that counts signals must leave out one of them and therefore fail, which tests the checks.
var lost = func() int {
	if os.Getenv("LOSE_ONE") != "" {
		return 1
	}
	return 0
}()

// soon returns a context for something that must happen.
func soon() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), silence())
}

// next waits for a count.
func next(n *notify.Notifier) (uint64, error) {
	ctx, cancel := soon()
	defer cancel()
	return n.Wait(ctx)
}

// nextIs waits for a count that must be want.
func nextIs(n *notify.Notifier, want uint64) error {
	got, err := next(n)
	if err == nil && got != want {
		err = fmt.Errorf("%d signals, want %d", got, want)
	}
	return err
}

// holds checks the count of n, to which nothing is being added any more.
func holds(n *notify.Notifier, want uint64) error {
	if got, _ := n.TryWait(); got != want {
		return fmt.Errorf("%d signals, want %d", got, want)
	}
	return nil
}

// with runs fn with a machine that has a program, and a Notifier.
func with(fn func(m *vm.Machine, n *notify.Notifier) error, code ...[]byte) error {
	n, err := notify.New()
	if err != nil {
		return err
	}
	defer n.Close()
	m, err := vm.New(false, code...)
	if err != nil {
		return err
	}
	defer m.Close()
	return fn(m, n)
}

// run runs a guest until its program ends. None of the guest's writes must come to user space.
func run(m *vm.Machine) error {
	exits, err := m.Run()
	if err == nil && len(exits) > 0 {
		err = fmt.Errorf("%d writes came to user space, the first %+v", len(exits), exits[0])
	}
	return err
}

// refused checks that err matches want.
func refused(what string, err, want error) error {
	if !errors.Is(err, want) {
		return fmt.Errorf("%s: got %v, want %v", what, err, want)
	}
	return nil
}
