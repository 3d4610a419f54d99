//go:build linux

package main

import (
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/eventchan/eventchan/bench/internal/cpeer"
)

const (
	// mostSignalers is how many C threads signal at most.
	mostSignalers = 4

	atomicRow          = "cgo callback into an atomic"
	floodOverEpoll     = "C threads over epoll"
	floodOverCondition = "C threads over a condition variable"
)

// signals compares what a signal costs when C threads signal as fast as they
// can, until a goroutine has received all.
func signals() []comparison {
	const ofChannel, ofAtomic = 0.25, 1
	var all []comparison
	for k := 1; k <= mostSignalers; k++ {
		c := comparison{
			title: fmt.Sprintf("Signals from %d C threads, per signal", k), unit: "ns",
			chart: "signals", x: float64(k),
			rows: []contestant{
				{callbackRow, floods(k, sinkCallback)},
				{atomicRow, floods(k, sinkAtomic)},
				{handle.of(waitCall), floods(k, sinkOf(wakeWait(handle)))},
				{handle.of(selectCall), floods(k, sinkOf(wakeSelect(handle)))},
				{viaFD.of(waitCall), floods(k, sinkOf(wakeWait(viaFD)))},
				{viaFD.of(selectCall), floods(k, sinkOf(wakeSelect(viaFD)))},
				{fileRow, floods(k, sinkOf(wakeFile))},
				{pipeRow, floods(k, sinkPipe)},
				{readRow, floods(k, sinkOf(wakeRead))},
				{gvisorRow, floods(k, sinkOf(wakeGvisor))},
				{floodOverEpoll, floodC(k, cpeer.FloodEpoll)},
				{floodOverCondition, floodC(k, cpeer.FloodCondition)},
			},
		}
		if k == 1 || k == mostSignalers {
			for _, call := range []string{waitCall, selectCall} {
				row := handle.of(call)
				c.targets = append(c.targets, times(ofChannel, row, callbackRow), times(ofAtomic, row, atomicRow))
			}
		}
		all = append(all, c)
	}
	return all
}

// A sink is where signals go, with a receive that returns when it has got so
// many, and how many.
type sink struct {
	line    cpeer.Line
	receive func(n uint64) (uint64, error)
	stop    func()
}

// floods makes a contestant of a sink and k threads.
func floods(k int, open func() (sink, error)) func(int) (measurement, error) {
	return func(n int) (measurement, error) {
		s, err := open()
		if err != nil {
			return measurement{}, err
		}
		defer s.stop()
		each := max(1, n/k)
		watch := start()
		threads := make([]*cpeer.Thread, k)
		for i := range threads {
			if threads[i], err = cpeer.Flood(s.line, each); err != nil {
				return measurement{}, err
			}
		}
		got, err := s.receive(uint64(k * each))
		m := watch.stop(k * each)
		if err != nil {
			return m, err
		}
		for _, t := range threads {
			if _, err := t.Join(); err != nil {
				return m, err
			}
		}
		return m, conserved(uint64(k*each), got)
	}
}

// floodC makes a contestant of k C threads that signal to another one.
func floodC(k int, flood func(k, n int) (sum, ns int64, err error)) func(int) (measurement, error) {
	return func(n int) (measurement, error) {
		each := max(1, n/k)
		sum, ns, err := flood(k, each)
		if err != nil {
			return measurement{}, err
		}
		m := measurement{value: float64(ns) / float64(k*each), allocs: -1}
		return m, conserved(uint64(k*each), uint64(sum))
	}
}

// sinkOf makes a sink of what else is woken for each signal.
func sinkOf(open func() (waker, error)) func() (sink, error) {
	return func() (sink, error) {
		w, err := open()
		return sink{line: w.line, receive: sum(w.wait), stop: w.stop}, err
	}
}

// sum receives until it has n.
func sum(wait func() (uint64, error)) func(uint64) (uint64, error) {
	return func(n uint64) (got uint64, err error) {
		for got < n {
			count, err := wait()
			if err != nil {
				return got, err
			}
			got += count
		}
		return got, nil
	}
}

// backlog is how many signals may be ahead of the goroutine that receives them
// from a channel. Where a callback has to wait it takes much longer.
const backlog = 1024

func sinkCallback() (sink, error) {
	return sinkOf(func() (waker, error) { return callbackInto(make(chan uint64, backlog)) })()
}

// sinkAtomic wakes nothing: its receiver looks from time to time. It is therefore what
// the callback alone costs.
func sinkAtomic() (sink, error) {
	var count atomic.Uint64
	cpeer.SetCallee(func() { count.Add(1) })
	return sink{
		line: cpeer.Callback,
		receive: func(n uint64) (uint64, error) {
			for count.Load() < n {
				time.Sleep(100 * time.Microsecond)
			}
			return count.Load(), nil
		},
		stop: func() {},
	}, nil
}

// sinkPipe reads as much as there is in one call; each signal is 8 bytes.
func sinkPipe() (sink, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return sink{}, err
	}
	fd, err := writeEnd(w)
	buf := make([]byte, 64<<10)
	return sink{
		line: cpeer.Write(fd),
		receive: func(n uint64) (uint64, error) {
			total, err := sum(func() (uint64, error) { k, err := r.Read(buf); return uint64(k), err })(8 * n)
			return total / 8, err
		},
		stop: func() { r.Close(); w.Close() },
	}, err
}
