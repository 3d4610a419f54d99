//go:build linux

package main

import (
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bench/internal/cpeer"
	"github.com/eventchan/eventchan/notify"
)

const (
	filesRow = "goroutine with an os.File for each"
	readsRow = "goroutine in read(2) for each"
	inletRow = "Notifier.C()"
	cLoopRow = "C thread in an epoll loop over all"
)

// fanIn compares ways to bring the signals of many eventfds into channels, and of
// many handles.
func fanIn(s settings) []comparison {
	n := min(1000, s.most)
	all := []comparison{{
		title: fmt.Sprintf("Fan-in of %d eventfds into channels, per event", n), unit: "ns",
		rows: []contestant{
			{filesRow, sweeps(n, inletFiles)},
			{viaFD.of(inletRow), sweeps(n, inletC(viaFD))},
			{"goroutine in Notifier.Wait for each, FD", sweeps(n, inletWait)},
			{readsRow, sweeps(n, inletReads)},
		},
		targets: []target{times(0.75, viaFD.of(inletRow), filesRow)},
	}}
	for _, n := range slices.Compact([]int{n, min(10_000, s.most)}) {
		for _, threads := range []int{1, mostSignalers} {
			all = append(all, fanInOfHandles(n, threads))
		}
	}
	return all
}

// fanInOfHandles compares ways to receive the events of n objects. C threads signal
// each object once; every thread signals an equal part of the objects.
func fanInOfHandles(n, threads int) comparison {
	const ofCallback, ofLoop = 1.25, 0.35
	return comparison{
		title: fmt.Sprintf("Fan-in of %d handles from %d C threads, per event", n, threads), unit: "ns",
		rows: []contestant{
			{callbackRow, sweepsFrom(threads, n, inletCallback)},
			{handle.of(inletRow), sweepsFrom(threads, n, inletC(handle))},
			{cLoopRow, sweepsOfLoop(threads, n)},
			{filesRow, sweepsFrom(threads, n, limited(inletFiles))},
		},
		targets: []target{
			times(ofCallback, handle.of(inletRow), callbackRow), times(ofLoop, handle.of(inletRow), cLoopRow),
		},
	}
}

// An inlet is a number of counters whose counts come out of as many channels.
type inlet struct {
	lines   []cpeer.Line       // for C threads to signal through, one after the other
	threads int                // number of C threads, which signal an equal part each
	objects []*notify.Notifier // for a goroutine to signal, if there are no lines
	files   []*os.File
	outs    []<-chan uint64
	outside int // bytes of each that Go's heap does not know of
	stop    func()
}

// newInlet has room for k, so that what is opened later is all that is used.
func newInlet(k int) *inlet {
	return &inlet{
		threads: 1,
		lines:   make([]cpeer.Line, 0, k),
		objects: make([]*notify.Notifier, 0, k),
		files:   make([]*os.File, 0, k),
		outs:    make([]<-chan uint64, 0, k),
		stop:    func() {},
	}
}

// sweeps makes a contestant: one C thread or goroutine signals each of k counters,
// one after the other, and a goroutine receives from all channels, n events in all.
func sweeps(k int, open func(in *inlet, k int) error) func(int) (measurement, error) {
	return sweepsFrom(1, k, open)
}

// sweepsFrom is sweeps for several C threads, which signal an equal part each.
func sweepsFrom(threads, k int, open func(in *inlet, k int) error) func(int) (measurement, error) {
	return func(n int) (measurement, error) {
		in := newInlet(k)
		in.threads = threads
		defer func() { in.stop() }()
		if err := open(in, k); err != nil {
			return measurement{}, err
		}
		return in.sweep(max(1, n/k))
	}
}

// sweepsOfLoop is sweepsFrom without Go: a C thread waits in epoll_wait(2) for k
// eventfds and reads each.
func sweepsOfLoop(threads, k int) func(int) (measurement, error) {
	return func(n int) (measurement, error) {
		if err := allows(k); err != nil {
			return measurement{}, err
		}
		fds, closeAll, err := eventfds(k, unix.EFD_NONBLOCK)
		if err != nil {
			return measurement{}, err
		}
		defer closeAll()
		sent := max(1, n/k) * k
		received, ns, err := cpeer.FanIn(fds, threads, sent/k)
		if err != nil {
			return measurement{}, err
		}
		return measurement{value: float64(ns) / float64(sent), allocs: -1}, conserved(uint64(sent), received)
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

// gate starts the threads, or the goroutine, that signal through all lines each
// time that open is called.
func (in *inlet) gate(times int) (open func(), join func() error, err error) {
	if len(in.lines) == 0 {
		return in.gateOfGoroutine(times)
	}
	sweep, err := cpeer.StartSweep(in.lines, in.threads, times)
	if err != nil {
		return nil, nil, err
	}
	return sweep.Next, sweep.Join, nil
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

// collect has all lines signaled and receives what comes.
func (in *inlet) collect(open func()) (sum uint64) {
	open()
	for _, out := range in.outs {
		sum += <-out
	}
	return sum
}
