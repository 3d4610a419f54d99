//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bench/internal/cpeer"
	"github.com/eventchan/eventchan/notify"
)

const fileRow = "goroutine with an os.File for each"

// fanIn compares ways to bring the signals of many eventfds into channels.
func fanIn(s settings) []comparison {
	n := min(1000, s.most)
	return []comparison{{
		title: fmt.Sprintf("Fan-in of %d eventfds into channels, an event", n), unit: "ns",
		rows: []contestant{
			{fileRow, sweeps(n, inletFiles)},
			{"Notifier.C()", sweeps(n, inletC)},
			{"goroutine in Notifier.Wait for each", sweeps(n, inletWait)},
			{"goroutine in read(2) for each", sweeps(n, inletReads)},
		},
		targets: []target{{"Notifier.C()", fileRow, 0.75, false}},
	}}
}

// An inlet is a number of eventfds whose counts come out of as many channels.
type inlet struct {
	fds  []int
	outs []<-chan uint64
	stop func()
}

// sweeps makes a contestant: a C thread writes to each of k eventfds, one after
// the other, and a goroutine receives from all channels, n events in all.
func sweeps(k int, open func(k int) (*inlet, error)) func(int) (measurement, error) {
	return func(n int) (measurement, error) {
		in, err := open(k)
		if err != nil {
			return measurement{}, err
		}
		defer in.stop()
		times := max(1, n/k)
		return in.sweep(times)
	}
}

func (in *inlet) sweep(times int) (measurement, error) {
	gate, err := newEventfd(0)
	if err != nil {
		return measurement{}, err
	}
	defer unix.Close(gate)
	thread, err := cpeer.Sweep(in.fds, gate, times+1)
	if err != nil {
		return measurement{}, err
	}
	in.collect(gate) // warm up
	begin := time.Now()
	var received uint64
	for range times {
		received += in.collect(gate)
	}
	sent := times * len(in.fds)
	m := since(begin, sent)
	if _, err := thread.Join(); err != nil {
		return m, err
	}
	return m, conserved(uint64(sent), received)
}

// collect lets the thread write to all eventfds and receives what comes.
func (in *inlet) collect(gate int) (sum uint64) {
	add(gate)
	for _, out := range in.outs {
		sum += <-out
	}
	return sum
}

func inletC(k int) (*inlet, error) {
	return inletOf(k, func(n *notify.Notifier) <-chan uint64 { return n.C() })
}

func inletWait(k int) (*inlet, error) {
	return inletOf(k, func(n *notify.Notifier) <-chan uint64 {
		return forward(func() (uint64, error) { return n.Wait(context.Background()) })
	})
}

func inletOf(k int, out func(*notify.Notifier) <-chan uint64) (*inlet, error) {
	var all []*notify.Notifier
	in := &inlet{stop: func() {
		for _, n := range all {
			n.Close()
		}
	}}
	for range k {
		n, err := notify.New()
		if err != nil {
			in.stop()
			return nil, err
		}
		all = append(all, n)
		in.fds = append(in.fds, n.FD())
		in.outs = append(in.outs, out(n))
	}
	return in, nil
}

func inletFiles(k int) (*inlet, error) {
	fds, _, err := eventfds(k, unix.EFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	var files []*os.File
	in := &inlet{fds: fds, stop: func() {
		for _, f := range files {
			f.Close()
		}
	}}
	for _, fd := range fds {
		f := os.NewFile(uintptr(fd), "eventfd")
		files = append(files, f)
		in.outs = append(in.outs, forward(func() (uint64, error) { return takeFile(f) }))
	}
	return in, nil
}

// inletReads has a thread for each eventfd. Nothing stops a read that blocks, so
// a last write does.
func inletReads(k int) (*inlet, error) {
	if k > 2000 {
		return nil, fmt.Errorf("%w: a thread for each of %d", errTooMany, k)
	}
	fds, closeAll, err := eventfds(k, 0)
	if err != nil {
		return nil, err
	}
	stopped := make(chan struct{})
	in := &inlet{fds: fds}
	for _, fd := range fds {
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
	return in, nil
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
