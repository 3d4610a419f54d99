//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/eventfd"

	"github.com/eventchan/eventchan/bench/internal/cpeer"
	"github.com/eventchan/eventchan/notify"
)

// mostSignallers is how many C threads signal at once.
const mostSignallers = 4

// signals compares what a signal costs when C threads signal as fast as they
// can, until a goroutine has received all.
func signals() []comparison {
	var all []comparison
	for k := 1; k <= mostSignallers; k++ {
		all = append(all, comparison{
			title: fmt.Sprintf("Signals from %d C threads at once, a signal", k), unit: "ns",
			chart: "signals", x: float64(k),
			rows: []contestant{
				{callbackRow, floods(k, sinkCallback)},
				{waitRow, floods(k, sinkWait)},
				{selectRow, floods(k, sinkSelect)},
				{"cgo callback into an atomic", floods(k, sinkAtomic)},
				{"os.File on an eventfd", floods(k, sinkFile)},
				{"os.Pipe", floods(k, sinkPipe)},
				{"goroutine blocked in read(2)", floods(k, sinkRead)},
				{"gvisor.dev/gvisor/pkg/eventfd", floods(k, sinkGvisor)},
				{"C threads over a condition variable", floodCondition(k)},
			},
		})
	}
	return all
}

// A sink is where signals go: fd for a C thread to write to, or -1 if it calls
// Go back, and receive, which returns when it has got so many, and how many.
type sink struct {
	fd      int
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
		begin := time.Now()
		threads := make([]*cpeer.Thread, k)
		for i := range threads {
			if threads[i], err = cpeer.Flood(s.fd, each); err != nil {
				return measurement{}, err
			}
		}
		got, err := s.receive(uint64(k * each))
		m := since(begin, k*each)
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

func floodCondition(k int) func(int) (measurement, error) {
	return func(n int) (measurement, error) {
		each := max(1, n/k)
		sum, ns, err := cpeer.FloodCondition(k, each)
		if err != nil {
			return measurement{}, err
		}
		m := measurement{value: float64(ns) / float64(k*each), allocs: -1}
		return m, conserved(uint64(k*each), uint64(sum))
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

func sinkWait() (sink, error) {
	n, err := notify.New()
	if err != nil {
		return sink{}, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	return sink{
		fd:      n.FD(),
		receive: sum(func() (uint64, error) { return n.Wait(ctx) }),
		stop:    func() { cancel(); n.Close() },
	}, nil
}

func sinkSelect() (sink, error) {
	n, err := notify.New()
	if err != nil {
		return sink{}, err
	}
	c, done := n.C(), make(chan struct{})
	return sink{
		fd:      n.FD(),
		receive: sum(func() (uint64, error) { return selected(c, done) }),
		stop:    func() { n.Close() },
	}, nil
}

// selected receives from c in a select, as a program would that has something
// else to wait for too.
func selected(c <-chan uint64, done <-chan struct{}) (uint64, error) {
	select {
	case count := <-c:
		return count, nil
	case <-done:
		return 0, context.Canceled
	}
}

// backlog is how many callbacks may be ahead of the goroutine that receives.
// Where a callback has to wait it takes much longer.
const backlog = 1024

func sinkCallback() (sink, error) {
	c, done := make(chan uint64, backlog), make(chan struct{})
	cpeer.SetCallee(func() { c <- 1 })
	return sink{
		fd:      -1,
		receive: sum(func() (uint64, error) { return selected(c, done) }),
		stop:    func() {},
	}, nil
}

// sinkAtomic wakes nobody: its receiver looks from time to time. So it is what
// the callback alone costs.
func sinkAtomic() (sink, error) {
	var count atomic.Uint64
	cpeer.SetCallee(func() { count.Add(1) })
	return sink{
		fd: -1,
		receive: func(n uint64) (uint64, error) {
			for count.Load() < n {
				time.Sleep(100 * time.Microsecond)
			}
			return count.Load(), nil
		},
		stop: func() {},
	}, nil
}

func sinkFile() (sink, error) {
	fd, err := newEventfd(unix.EFD_NONBLOCK)
	if err != nil {
		return sink{}, err
	}
	f := os.NewFile(uintptr(fd), "eventfd")
	return sink{
		fd:      fd,
		receive: sum(func() (uint64, error) { return takeFile(f) }),
		stop:    func() { f.Close() },
	}, nil
}

// sinkPipe reads as much as there is at once; each signal is 8 bytes.
func sinkPipe() (sink, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return sink{}, err
	}
	fd, err := writeEnd(w)
	buf := make([]byte, 64<<10)
	return sink{
		fd: fd,
		receive: func(n uint64) (uint64, error) {
			total, err := sum(func() (uint64, error) { k, err := r.Read(buf); return uint64(k), err })(8 * n)
			return total / 8, err
		},
		stop: func() { r.Close(); w.Close() },
	}, err
}

func sinkRead() (sink, error) {
	fd, err := newEventfd(0)
	return sink{
		fd:      fd,
		receive: sum(func() (uint64, error) { return take(fd) }),
		stop:    func() { unix.Close(fd) },
	}, err
}

func sinkGvisor() (sink, error) {
	ev, err := eventfd.Create()
	return sink{fd: ev.FD(), receive: sum(ev.Read), stop: func() { ev.Close() }}, err
}
