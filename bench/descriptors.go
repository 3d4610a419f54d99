//go:build linux

package main

import (
	"fmt"
	"runtime"
)

// descriptors compares what an event and a descriptor cost with more and more
// descriptors, as far as the limit on them goes. Private objects and handles, which
// need none, go on.
func descriptors(s settings) []comparison {
	var all []comparison
	for k := 10; k <= s.most; k *= 10 {
		n := descriptorsAtMost(k)
		if 2*n < k { // less would be no point of its own in a chart
			n = k
		}
		all = append(all, atScale(n)...)
	}
	return all
}

// atScale compares n descriptors, or objects.
func atScale(n int) []comparison {
	rows := func(round func(int, func(*inlet, int) error) func(int) (measurement, error)) []contestant {
		return []contestant{
			{filesRow, round(n, limited(inletFiles))},
			{viaFD.of(inletRow), round(n, limited(inletC(viaFD)))},
			{handle.of(inletRow), round(n, inletC(handle))},
			{private.of(inletRow), round(n, inletC(private))},
			{readsRow, round(n, limited(inletReads))},
		}
	}
	return []comparison{{
		title: fmt.Sprintf("%d descriptors, per event", n), unit: "ns",
		rows: rows(sweeps), chart: "events", x: float64(n),
	}, {
		title: fmt.Sprintf("%d descriptors, heap and goroutine of each", n), unit: "bytes",
		rows: rows(footprints), chart: "footprint", x: float64(n), count: n,
	}}
}

// leastStack is that of a goroutine. It is counted in place of the stacks that
// are in use, because the runtime reports only how many spans of them are, which
// may have had room for all stacks of few goroutines. It favors contestants
// whose goroutines need more.
const leastStack = 2048

// footprints makes a contestant whose value is what Go's heap and goroutines
// hold for each descriptor. What the kernel holds, such as a thread's stack, is
// not in it.
func footprints(k int, open func(in *inlet, k int) error) func(int) (measurement, error) {
	return func(int) (measurement, error) {
		in := newInlet(k)
		defer func() { in.stop() }()
		before := inUse()
		if err := open(in, k); err != nil {
			return measurement{}, err
		}
		if _, err := in.sweep(1); err != nil {
			return measurement{}, err
		}
		grown := float64(inUse()) - float64(before)
		return measurement{value: grown/float64(k) + float64(in.outside), allocs: -1}, nil
	}
}

func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + uint64(runtime.NumGoroutine())*leastStack
}
