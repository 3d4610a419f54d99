package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/eventchan/eventchan/examples/kmod/device"
	"github.com/eventchan/eventchan/notify"
)

const (
	waiters = 200
	// What the runtime adds by itself while this runs does not depend on the number of waiters.
	runtimeOwn = 2
)

// waitersWithoutThreads parks 200 goroutines on as many eventfds, which the kernel then signals one by one. A
// thread for each waiter, or for some, would show: Go never ends the threads that it has started.
func waitersWithoutThreads() error {
	before := threads()
	notifiers, woken, err := startWaiters()
	for _, n := range notifiers {
		defer n.Close()
	}
	if err != nil {
		return err
	}
	for parked() < waiters {
		runtime.Gosched()
	}
	if err := signalEach(notifiers); err != nil {
		return err
	}
	for range notifiers {
		err = errors.Join(err, <-woken)
	}
	if now := threads(); now > before+runtimeOwn {
		err = errors.Join(err, fmt.Errorf("%d threads before, %d with %d waiters", before, now, waiters))
	}
	return err
}

// startWaiters has goroutine i wait for i+1 signals: another number would be a mix-up.
func startWaiters() (notifiers []*notify.Notifier, woken chan error, err error) {
	woken = make(chan error, waiters)
	for i := range waiters {
		n, err := notify.New()
		if err != nil {
			return notifiers, woken, err
		}
		notifiers = append(notifiers, n)
		go func() {
			err := sum(n, uint64(i)+1)
			if err != nil {
				err = fmt.Errorf("waiter %d: %w", i, err)
			}
			woken <- err
		}()
	}
	return notifiers, woken, nil
}

// signalEach uses one device for all: an eventfd that was taken back is as it was.
func signalEach(notifiers []*notify.Notifier) error {
	return opened(func(d *device.Device) error {
		for i, n := range notifiers {
			err := errors.Join(d.Attach(n.FD()), d.Signal(uint64(i)+1, device.Caller, 0), d.Detach())
			if err != nil {
				return fmt.Errorf("notifier %d: %w", i, err)
			}
		}
		return nil
	})
}

// parked counts the goroutines that are inside Wait.
func parked() int {
	stacks := make([]byte, 1<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "(*Notifier).Wait(")
}

func threads() int {
	tasks, _ := os.ReadDir("/proc/self/task")
	return len(tasks)
}
