//go:build linux

package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
)

// charts lists what -svg draws: the comparisons that bear its name, each a point
// on the x axis, or one of them with its percentiles on it.
var charts = []chart{
	{
		name: "realtime", title: "Time in a real-time callback beside garbage, under SCHED_FIFO",
		x: "share of callbacks that took no longer (log scale of the rest)", y: "µs in the callback (log scale)",
		xTicks: percentileTicks, perY: 1000, waits: true,
	}, {
		name: "signals", title: "Cost of a signal when C threads signal as fast as they can",
		x: "C threads that signal", y: "ns per signal (log scale)", xTicks: marks(1, 2, 3, 4),
		without: []string{viaFD.of(selectCall), readRow, gvisorRow},
	}, {
		name: "queue", title: "Cost of a value when a C thread sends as fast as it can",
		x: "bytes per value (log scale)", y: "ns per value (log scale)", xTicks: marks(16, 64, 256), xLog: true,
	}, {
		name: "pinned", title: "Wake-up by a C thread and the answer, the process on one CPU",
		x: waitsAxis, y: "µs per round trip (log scale)", xTicks: percentileTicks, perY: 1000, waits: true,
		without: []string{cReadAndEpoll, viaFD.of(selectCall), gvisorRow},
	}, {
		name: "wakeup", title: "Wake-up by a C thread and the answer, all CPUs",
		x: waitsAxis, y: "µs per round trip (log scale)", xTicks: percentileTicks, perY: 1000, waits: true,
		without: []string{cReadAndEpoll, viaFD.of(selectCall), gvisorRow},
	}, {
		name: "contended", title: "Goroutines that compete for 2 permits all the time",
		x: "goroutines (log scale)", y: "ns per Acquire and Release (log scale)",
		xTicks: marks(2, 4, 8, 16, 32, 64), xLog: true,
	}, {
		name: "events", title: "Cost of an event with many descriptors",
		x: "descriptors, or private objects (log scale)", y: "ns per event (log scale)",
		xTicks: powers, xLog: true,
	}, {
		name: "footprint", title: "Memory per descriptor, in Go's heap and goroutines",
		x: "descriptors, or private objects (log scale)", y: "bytes per descriptor (log scale)",
		xTicks: powers, xLog: true,
	},
}

const waitsAxis = "share of round trips that took no longer (log scale of the rest)"

// drawAll draws the charts whose comparisons were measured into a folder.
func drawAll(dir string, done []outcome) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, c := range charts {
		all := c.series(done)
		if len(all) == 0 {
			continue
		}
		if err := c.draw(filepath.Join(dir, c.name+".svg"), machine(), all); err != nil {
			return fmt.Errorf("chart %s: %w", c.name, err)
		}
	}
	return nil
}

// A series is one contestant's line in a chart.
type series struct {
	name   string
	points plotter.XYs
}

// series collects the lines of a chart, in the order of the table.
func (c chart) series(done []outcome) []series {
	var all []series
	at := map[string]int{}
	for _, o := range done {
		if o.Chart != c.name {
			continue
		}
		for _, r := range o.Rows {
			if slices.Contains(c.without, r.Name) {
				continue
			}
			points := c.points(o, r)
			if len(points) == 0 {
				continue // left out
			}
			k, ok := at[r.Name]
			if !ok {
				k = len(all)
				at[r.Name] = k
				all = append(all, series{name: r.Name})
			}
			all[k].points = append(all[k].points, points...)
		}
	}
	return all
}

// points are those that one row of one comparison gives.
func (c chart) points(o outcome, r row) (points plotter.XYs) {
	if c.waits && r.Waits != nil {
		for _, p := range percentiles {
			if p >= 50 { // the lower ones do not differ
				points = append(points, plotter.XY{X: tail(p), Y: r.wait(p) / c.perY})
			}
		}
		return points
	}
	if c.waits || r.LeftOut != "" {
		return nil
	}
	// A log scale has no place for 0, which a footprint can be where a collection
	// found more to free.
	if y := median(r.Values); y > 0 {
		points = append(points, plotter.XY{X: o.X, Y: y})
	}
	return points
}

// tail is the place of a percentile: how many powers of ten its rest is below
// the whole.
func tail(percentile float64) float64 { return -math.Log10(1 - percentile/100) }

var percentileTicks = ticksAt(tail, "%", 50, 90, 99, 99.9, 99.99)

var powers = marks(10, 100, 1000, 10_000, 100_000)

// marks are labeled with their own values.
func marks(values ...float64) plot.ConstantTicks {
	return ticksAt(func(x float64) float64 { return x }, "", values...)
}

func ticksAt(place func(float64) float64, unit string, values ...float64) (ticks plot.ConstantTicks) {
	for _, v := range values {
		ticks = append(ticks, plot.Tick{Value: place(v), Label: strconv.FormatFloat(v, 'f', -1, 64) + unit})
	}
	return ticks
}
