//go:build linux

package main

import (
	"fmt"
	"io"
)

// A target is a bound on one row. Where the row counts allocations, there are to
// be none, unless the row makes objects.
type target struct {
	Row, Base  string
	Max        float64
	Kind       kind
	Percentile float64 // of the waits; 0: the value
	Makes      bool    // objects, which takes allocations
}

// A kind is what a target bounds.
type kind int

const (
	ofBase     kind = iota // the ratio to Base
	beyondBase             // the difference from Base
	alone                  // the value itself
)

// times bounds a row's ratio to another one.
func times(most float64, row, base string) target { return target{Row: row, Base: base, Max: most} }

// beyond bounds how much more a row is than another one.
func beyond(most float64, row, base string) target {
	return target{Row: row, Base: base, Max: most, Kind: beyondBase}
}

// noMore bounds a row.
func noMore(most float64, row string) target {
	return target{Row: row, Base: row, Max: most, Kind: alone}
}

// at makes a target one for a percentile of the waits.
func (t target) at(percentile float64) target {
	t.Percentile = percentile
	return t
}

// making makes a target one for a row that makes objects.
func (t target) making() target {
	t.Makes = true
	return t
}

// printTargets compares what was measured with the bounds.
func printTargets(w io.Writer, done []outcome) {
	fmt.Fprintln(w, "\nTargets")
	for _, o := range done {
		for _, t := range o.Targets {
			t.print(w, o)
		}
	}
}

func (t target) print(w io.Writer, o outcome) {
	r, base := o.find(t.Row), o.find(t.Base)
	if r.LeftOut != "" || base.LeftOut != "" {
		fmt.Fprintf(w, "  left out  %s: %s\n", o.Title, t.Row)
		return
	}
	got, text := t.measured(r, base, o.Unit)
	verdict := "met"
	if got > t.Max {
		verdict = "MISSED"
	}
	if r.Allocs >= 0.05 && !t.Makes { // less is what the round itself needed
		verdict = "MISSED"
		text += fmt.Sprintf(", with %.1f allocations", r.Allocs)
	}
	fmt.Fprintf(w, "  %-7s %8.2f, at most %.3g  %s: %s, %s\n", verdict, got, t.Max, o.Title, t.Row, text)
}

// measured is what the target bounds, and what that is.
func (t target) measured(r, base row, unit string) (got float64, text string) {
	values, bases := r.Values, base.Values
	if t.Percentile > 0 {
		values, bases = r.atPercentile(t.Percentile), base.atPercentile(t.Percentile)
		unit = fmt.Sprintf("%s at %g %%", unit, t.Percentile)
	}
	switch t.Kind {
	case beyondBase:
		return pairwise(values, bases, difference), fmt.Sprintf("%s beyond %s", unit, t.Base)
	case alone:
		return median(values), unit
	}
	text = "of " + t.Base
	if t.Percentile > 0 {
		text = fmt.Sprintf("%g %% of waits, %s", t.Percentile, text)
	}
	return pairwise(values, bases, ratio), text
}
