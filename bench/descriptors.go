//go:build linux

package main

import (
	"fmt"
	"runtime"
)

// descriptors compares what an event and a descriptor cost with more and more
// descriptors, as far as the limit on them goes.
func descriptors(s settings) []comparison {
	var all []comparison
	for k := 10; k <= s.most; k *= 10 {
		n := descriptorsAtMost(k)
		if 2*n < k { // less would be no point of its own in a chart
			break
		}
		all = append(all, atScale(n)...)
		if n < k {
			break
		}
	}
	return all
}

func atScale(n int) []comparison {
	rows := func(round func(int, func(int) (*inlet, error)) func(int) (measurement, error)) []contestant {
		return []contestant{
			{fileRow, round(n, inletFiles)},
			{"Notifier.C()", round(n, inletC)},
			{"goroutine in read(2) for each", round(n, inletReads)},
		}
	}
	return []comparison{{
		title: fmt.Sprintf("%d descriptors, an event", n), unit: "ns",
		rows: rows(sweeps), chart: "events", x: float64(n),
	}, {
		title: fmt.Sprintf("%d descriptors, heap and goroutine of each", n), unit: "bytes",
		rows: rows(footprints), chart: "footprint", x: float64(n), count: n,
	}}
}

// leastStack is that of a goroutine. It is counted in place of the stacks that
// are in use, since the runtime tells only how many spans of them are, which
// may have had room for all of few goroutines. It favours those contestants
// whose goroutines need more.
const leastStack = 2048

// footprints makes a contestant whose value is what Go's heap and goroutines
// hold for each descriptor. What the kernel holds, such as a thread's stack, is
// not in it.
func footprints(k int, open func(k int) (*inlet, error)) func(int) (measurement, error) {
	return func(int) (measurement, error) {
		before := inUse()
		in, err := open(k)
		if err != nil {
			return measurement{}, err
		}
		if _, err := in.sweep(1); err != nil {
			return measurement{}, err
		}
		after := inUse()
		in.stop()
		return measurement{value: (float64(after) - float64(before)) / float64(k), allocs: -1}, nil
	}
}

func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + uint64(runtime.NumGoroutine())*leastStack
}
