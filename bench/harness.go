//go:build linux

package main

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bench/internal/cpeer"
)

// A comparison is a number of contestants that do the same thing.
type comparison struct {
	title   string
	unit    string // of a value: "ns" or "bytes"
	rows    []contestant
	targets []target
	columns []string // what measurement.more has, for the table

	pinned bool // in a process that has one CPU
	count  int  // of operations in a round; 0: calibrate
	chart  string
	x      float64 // place in the chart
}

// A contestant is one way to do it. The first of a comparison is what the ratios
// refer to.
type contestant struct {
	name string
	// round does it n times and checks that nothing was lost on the way.
	round func(n int) (measurement, error)
}

// A measurement is what one round gave.
type measurement struct {
	value  float64   // time or bytes of one operation
	allocs float64   // of one operation; negative: not measured
	waits  []int64   // ns of each operation, where that is asked for
	more   []float64 // what else the comparison reports: see comparison.columns
}

// An outcome is a comparison that was measured.
type outcome struct {
	Title, Unit string
	Rounds      int
	Rows        []row
	Targets     []target
	Columns     []string
	Chart       string
	X           float64
}

// A row is what a contestant achieved.
type row struct {
	Name    string
	LeftOut string    // why, if it was
	Count   int       // operations in a round
	Values  []float64 // one for each round
	Allocs  float64
	Waits   [][]float64 // percentiles of each round
	More    [][]float64 // one for each round
}

// percentiles are those that are kept of the waits.
var percentiles = []float64{1, 10, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.99}

// measure lets the contestants take turns.
func (c comparison) measure(s settings) (outcome, error) {
	if c.pinned && !isPinnedChild() {
		return c.measurePinned(s)
	}
	out := outcome{Title: c.title, Unit: c.unit, Rounds: s.rounds, Targets: c.targets, Columns: c.columns, Chart: c.chart, X: c.x}
	out.Rows = make([]row, len(c.rows))
	for i, r := range c.rows {
		if err := out.Rows[i].calibrate(r, c.count, s.budget); err != nil {
			return out, fmt.Errorf("%s: %w", r.name, err)
		}
	}
	for round := range s.rounds {
		for i := range c.rows {
			// Each round begins with another contestant, so that none always
			// comes after the same one.
			k := (i + round) % len(c.rows)
			if err := out.Rows[k].add(c.rows[k]); err != nil {
				return out, fmt.Errorf("%s: %w", c.rows[k].name, err)
			}
		}
	}
	return out, nil
}

// calibrate finds, once, how many operations make a round.
func (r *row) calibrate(c contestant, count int, budget time.Duration) error {
	r.Name, r.Count, r.Allocs = c.name, count, -1
	if count > 0 {
		return nil
	}
	late := false
	for n := 64; ; {
		begin := time.Now()
		m, err := c.round(n)
		if why, ok := leaveOut(err); ok {
			r.LeftOut = why
			return nil
		}
		if err != nil {
			return err
		}
		wanted := max(int(float64(budget)/m.value), 64)
		if wanted > n && time.Since(begin) < budget {
			n, late = min(wanted, 16*n), false
			continue
		}
		r.Count = max(r.Count, wanted)
		if late { // once, another program may have had the CPU
			return nil
		}
		late = true
	}
}

// add measures one more round.
func (r *row) add(c contestant) error {
	if r.LeftOut != "" {
		return nil
	}
	runtime.GC()
	m, err := c.round(r.Count)
	if why, ok := leaveOut(err); ok {
		r.LeftOut = why
		return nil
	}
	if err != nil {
		return err
	}
	r.Values = append(r.Values, m.value)
	r.Allocs = max(r.Allocs, m.allocs)
	if m.waits != nil {
		r.Waits = append(r.Waits, percentilesOf(m.waits))
	}
	if m.more != nil {
		r.More = append(r.More, m.more)
	}
	return nil
}

// errTooMany says that a contestant cannot do with so many descriptors.
var errTooMany = errors.New("too many")

// leaveOut says why a row has no figures, if that is not a failure.
func leaveOut(err error) (why string, ok bool) {
	for _, reason := range []error{cpeer.ErrUnavailable, cpeer.ErrNotPermitted, errNoCounter, errTooMany} {
		if errors.Is(err, reason) {
			return err.Error(), true
		}
	}
	return "", false
}

func percentilesOf(waits []int64) []float64 {
	sorted := slices.Sorted(slices.Values(waits))
	out := make([]float64, len(percentiles))
	for i, p := range percentiles {
		out[i] = float64(sorted[int(p/100*float64(len(sorted)-1))])
	}
	return out
}

// timed measures n operations that op does in a loop of its own, without ever
// waiting. It uses the thread's own clock, which stands still while another thread
// has the CPU.
func timed(n int, op func(n int)) measurement {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	op(n/10 + 1)
	before := mallocs()
	begin := threadClock()
	op(n)
	elapsed := threadClock() - begin
	return measurement{
		value:  float64(elapsed) / float64(n),
		allocs: float64(mallocs()-before) / float64(n),
	}
}

func threadClock() int64 { return clock(unix.CLOCK_THREAD_CPUTIME_ID) }

func clock(id int32) int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(id, &t); err != nil {
		panic(err)
	}
	return t.Nano()
}

// A stopwatch measures what waits, and all goroutines together.
type stopwatch struct {
	mallocs uint64
	begin   time.Time
}

func start() stopwatch { return stopwatch{mallocs(), time.Now()} }

// stop measures n operations.
func (s stopwatch) stop(n int) measurement {
	elapsed := time.Since(s.begin)
	return measurement{
		value:  float64(elapsed) / float64(n),
		allocs: float64(mallocs()-s.mallocs) / float64(n),
	}
}

// mallocs is how many allocations there have been.
func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

// conserved is an error if not as much was received as sent.
func conserved(sent, received uint64) error {
	if sent != received {
		return fmt.Errorf("%d were sent and %d received", sent, received)
	}
	return nil
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	if n := len(sorted); n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[len(sorted)/2]
}

// pairwise is the median over the rounds of what f makes of two rows.
func pairwise(a, b []float64, f func(a, b float64) float64) float64 {
	values := make([]float64, len(a))
	for i := range values {
		values[i] = f(a[i], b[i])
	}
	return median(values)
}

func ratio(a, b float64) float64      { return a / b }
func difference(a, b float64) float64 { return a - b }
