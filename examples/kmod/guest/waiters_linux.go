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
	// The runtime starts threads of its own whenever all that it has are in system calls, however many waiters there are.
	runtimeOwn = waiters / 10
)

// waitersWithoutThreads makes 200 goroutines wait on 200 eventfds, which the kernel then signals one by one. If waiters
// needed threads, the number of threads would show that, because Go never ends a thread that it has started.
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

// startWaiters makes goroutine i wait for i+1 signals, so that a mix-up shows.
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

// signalEach uses one device for all eventfds, one after another.
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
