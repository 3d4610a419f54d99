//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bench/internal/cpeer"
	"github.com/eventchan/eventchan/notify"
)

// inletCallback has one channel for all, with room for all, so that no callback has
// to wait for the goroutine that receives.
func inletCallback(in *inlet, k int) error {
	c := make(chan uint64, k)
	cpeer.SetCallee(func() { c <- 1 })
	in.lines = slices.Repeat([]cpeer.Line{cpeer.Callback}, k)
	in.outs = slices.Repeat([]<-chan uint64{c}, k)
	return nil
}

// limited makes a contestant that needs a descriptor for each be left out if the
// limit on them is too low.
func limited(open func(in *inlet, k int) error) func(in *inlet, k int) error {
	return func(in *inlet, k int) error {
		if err := allows(k); err != nil {
			return err
		}
		return open(in, k)
	}
}

// allows returns an error that leaves a row out unless k descriptors can be open.
func allows(k int) error {
	if most := descriptorsAtMost(k); most < k {
		return fmt.Errorf("%w: ulimit -n allows for %d", errTooMany, most)
	}
	return nil
}

func inletC(m mode) func(in *inlet, k int) error {
	return inletOf(m, func(n *notify.Notifier) <-chan uint64 { return n.C() })
}

func inletWait(in *inlet, k int) error {
	return inletOf(viaFD, func(n *notify.Notifier) <-chan uint64 {
		return forward(func() (uint64, error) { return n.Wait(context.Background()) })
	})(in, k)
}

// slotSize is what a handle points to.
const slotSize = 64

func inletOf(m mode, out func(*notify.Notifier) <-chan uint64) func(in *inlet, k int) error {
	return func(in *inlet, k int) error {
		in.stop = func() {
			for _, n := range in.objects {
				n.Close()
			}
		}
		if m == handle {
			in.outside = slotSize
		}
		for range k {
			n, line, err := m.notifier()
			if err != nil {
				return err
			}
			in.objects = append(in.objects, n)
			if m != private {
				in.lines = append(in.lines, line)
			}
			in.outs = append(in.outs, out(n))
		}
		return nil
	}
}

func inletFiles(in *inlet, k int) error {
	fds, _, err := eventfds(k, unix.EFD_NONBLOCK)
	if err != nil {
		return err
	}
	in.stop = func() {
		for _, f := range in.files {
			f.Close()
		}
	}
	for _, fd := range fds {
		f := os.NewFile(uintptr(fd), "eventfd")
		in.files = append(in.files, f)
		in.lines = append(in.lines, cpeer.Write(fd))
		in.outs = append(in.outs, forward(func() (uint64, error) { return takeFile(f) }))
	}
	return nil
}

// inletReads has a thread for each eventfd. Nothing stops a read that blocks, so
// a last write does.
func inletReads(in *inlet, k int) error {
	if k > 2000 {
		return fmt.Errorf("%w: a thread for each of %d", errTooMany, k)
	}
	fds, closeAll, err := eventfds(k, 0)
	if err != nil {
		return err
	}
	stopped := make(chan struct{})
	for _, fd := range fds {
		in.lines = append(in.lines, cpeer.Write(fd))
		in.outs = append(in.outs, forward(func() (uint64, error) {
			count, err := take(fd)
			select {
			case <-stopped:
				return 0, os.ErrClosed
			default:
				return count, err
			}
		}))
	}
	in.stop = func() {
		close(stopped)
		for i, fd := range fds {
			add(fd)
			<-in.outs[i] // closed
		}
		closeAll()
	}
	return nil
}

// forward sends what wait returns into a channel until wait fails.
func forward(wait func() (uint64, error)) <-chan uint64 {
	c := make(chan uint64, 1)
	go func() {
		defer close(c)
		for {
			count, err := wait()
			if err != nil {
				return
			}
			c <- count
		}
	}()
	return c
}
