//go:build linux

package main

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bench/internal/cpeer"
	"github.com/eventchan/eventchan/notify"
)

const (
	filesRow = "goroutine with an os.File for each"
	readsRow = "goroutine in read(2) for each"
	inletRow = "Notifier.C()"
)

// fanIn compares ways to bring the signals of many eventfds into channels.
func fanIn(s settings) []comparison {
	n := min(1000, s.most)
	return []comparison{{
		title: fmt.Sprintf("Fan-in of %d eventfds into channels, an event", n), unit: "ns",
		rows: []contestant{
			{filesRow, sweeps(n, inletFiles)},
			{viaFD.of(inletRow), sweeps(n, inletC(viaFD))},
			{handle.of(inletRow), sweeps(n, inletC(handle))},
			{"goroutine in Notifier.Wait for each, FD", sweeps(n, inletWait)},
			{readsRow, sweeps(n, inletReads)},
		},
		targets: []target{times(0.75, viaFD.of(inletRow), filesRow)},
	}}
}

// An inlet is a number of counters whose counts come out of as many channels.
type inlet struct {
	lines   []cpeer.Line       // for a C thread to signal through, one after the other
	objects []*notify.Notifier // for a goroutine to signal, if there are no lines
	files   []*os.File
	outs    []<-chan uint64
	outside int // bytes of each that Go's heap does not know of
	stop    func()
}

// newInlet has room for k, so that what is opened later is all that is used.
func newInlet(k int) *inlet {
	return &inlet{
		lines:   make([]cpeer.Line, 0, k),
		objects: make([]*notify.Notifier, 0, k),
		files:   make([]*os.File, 0, k),
		outs:    make([]<-chan uint64, 0, k),
		stop:    func() {},
	}
}

// sweeps makes a contestant: somebody signals each of k counters, one after the
// other, and a goroutine receives from all channels, n events in all.
func sweeps(k int, open func(in *inlet, k int) error) func(int) (measurement, error) {
	return func(n int) (measurement, error) {
		in := newInlet(k)
		defer func() { in.stop() }()
		if err := open(in, k); err != nil {
			return measurement{}, err
		}
		return in.sweep(max(1, n/k))
	}
}

func (in *inlet) sweep(times int) (measurement, error) {
	open, join, err := in.gate(times + 1)
	if err != nil {
		return measurement{}, err
	}
	in.collect(open) // warm up
	watch := start()
	var received uint64
	for range times {
		received += in.collect(open)
	}
	sent := times * len(in.outs)
	m := watch.stop(sent)
	if err := join(); err != nil {
		return m, err
	}
	return m, conserved(uint64(sent), received)
}

// gate starts who signals through all lines each time that open is called.
func (in *inlet) gate(times int) (open func(), join func() error, err error) {
	if len(in.lines) == 0 {
		return in.gateOfGoroutine(times)
	}
	fd, err := newEventfd(0)
	if err != nil {
		return nil, nil, err
	}
	thread, err := cpeer.Sweep(in.lines, fd, times)
	if err != nil {
		unix.Close(fd)
		return nil, nil, err
	}
	return func() { add(fd) }, func() error {
		defer unix.Close(fd)
		_, err := thread.Join()
		return err
	}, nil
}

func (in *inlet) gateOfGoroutine(times int) (open func(), join func() error, err error) {
	gate, sent := make(chan struct{}), make(chan error, 1)
	go func() {
		var failed error
		for range times {
			<-gate
			for _, n := range in.objects {
				if err := n.Notify(); err != nil {
					failed = err
				}
			}
		}
		sent <- failed
	}()
	return func() { gate <- struct{}{} }, func() error { return <-sent }, nil
}

// collect lets all be signalled and receives what comes.
func (in *inlet) collect(open func()) (sum uint64) {
	open()
	for _, out := range in.outs {
		sum += <-out
	}
	return sum
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
