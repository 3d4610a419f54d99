//go:build linux

package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

const (
	// sampleEvery is how often growth looks at first.
	sampleEvery = 250 * time.Millisecond
	// reportEvery is how often a line is printed, unless a tenth of the time is less.
	reportEvery = time.Minute
)

// An enduranceReport runs loads and prints how they fare.
type enduranceReport struct {
	w       io.Writer
	loads   []*load
	running []*running
	growth  growth
	begun   time.Time
}

func newReport(w io.Writer, loads []*load) *enduranceReport {
	return &enduranceReport{w: w, loads: loads, growth: growth{interval: sampleEvery}}
}

func (r *enduranceReport) println(format string, args ...any) { fmt.Fprintf(r.w, format+"\n", args...) }

// run starts all loads, waits for as long as e says and ends them.
func (r *enduranceReport) run(e extent) error {
	r.begun = time.Now()
	for _, l := range r.loads {
		started, err := l.start()
		if err != nil {
			return fmt.Errorf("%s: %w", l.title, err)
		}
		r.running = append(r.running, started)
	}
	every := reportEvery
	if e.time > 0 {
		every = min(every, e.time/10)
	}
	for next := every; !r.over(e); time.Sleep(min(every/10, 10*time.Millisecond)) {
		if err := r.growth.sample(); err != nil {
			return err
		}
		for _, l := range r.running {
			if err := l.look(); err != nil {
				return err
			}
		}
		if time.Since(r.begun) >= next {
			r.print()
			next += every
		}
	}
	r.print()
	for _, l := range r.running {
		summary, err := l.finish()
		if err != nil {
			return err
		}
		r.println("%s", summary)
	}
	return nil
}

func (r *enduranceReport) over(e extent) bool {
	if e.time > 0 {
		return time.Since(r.begun) >= e.time
	}
	for _, l := range r.loads {
		if l.received.sum() < e.number {
			return false
		}
	}
	return true
}

// print prints what was received and made so far, what the process holds and how
// much more that will be in an hour.
func (r *enduranceReport) print() {
	r.println("after %v", time.Since(r.begun).Round(time.Second/10))
	for _, l := range r.loads {
		r.println("  %-24s %15d received %12d objects made", l.title, l.received.sum(), l.made.Load())
	}
	if n := len(r.growth.samples); n > 0 {
		r.println("  %v", r.growth.samples[n-1])
	}
	var slopes []string
	for i, name := range resourceNames {
		slopes = append(slopes, fmt.Sprintf("%+.1f %s", r.growth.perHour(i), name))
	}
	r.println("  an hour: %s; %d KiB is what closed handles left so far", strings.Join(slopes, ", "), r.memoryLeft())
}

// memoryLeft is how many KiB outside Go's heap closed handles occupy.
func (r *enduranceReport) memoryLeft() (left uint64) {
	for _, l := range r.loads {
		left += l.made.Load() * l.bytes >> 10
	}
	return left
}

// leftBehind is how many KiB of heap closed handles may occupy: a byte each, for the
// table that finds their slots, and as much again while it grows.
func (r *enduranceReport) leftBehind() (left int) {
	for _, l := range r.loads {
		if l.bytes > 0 {
			left += int(l.made.Load() >> 9)
		}
	}
	return left
}
