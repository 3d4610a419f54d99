//go:build linux

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// print shows one comparison as a table.
func (o outcome) print(w io.Writer) {
	fmt.Fprintf(w, "\n%-58s %10s %7s %7s", o.Title, o.Unit, "ratio", "allocs")
	waits := slices.ContainsFunc(o.Rows, func(r row) bool { return r.Waits != nil })
	if waits {
		fmt.Fprintf(w, " %9s %9s %9s", "50%", "99%", "99.9%")
	}
	for _, column := range o.Columns {
		fmt.Fprintf(w, " %9s", column)
	}
	fmt.Fprintf(w, "\n%s\n", strings.Repeat("-", 85+30*min(1, len(o.Rows[0].Waits))+10*len(o.Columns)))
	for _, r := range o.Rows {
		r.print(w, o.Rows[0])
	}
}

func (r row) print(w io.Writer, first row) {
	if r.LeftOut != "" {
		fmt.Fprintf(w, "  %-56s left out: %s\n", r.Name, r.LeftOut)
		return
	}
	fmt.Fprintf(w, "  %-56s %10.1f", r.Name, median(r.Values))
	if first.LeftOut == "" {
		fmt.Fprintf(w, " %7.2f", pairwise(r.Values, first.Values, ratio))
	} else {
		fmt.Fprintf(w, " %7s", "")
	}
	if r.Allocs >= 0 {
		fmt.Fprintf(w, " %7.1f", r.Allocs)
	} else {
		fmt.Fprintf(w, " %7s", "")
	}
	if r.Waits != nil {
		fmt.Fprintf(w, " %9.0f %9.0f %9.0f", r.wait(50), r.wait(99), r.wait(99.9))
	}
	if r.More != nil {
		for k := range r.More[0] {
			fmt.Fprintf(w, " %9.1f", median(column(r.More, k)))
		}
	}
	fmt.Fprintln(w)
}

// wait is the median over the rounds of a percentile of the waits.
func (r row) wait(percentile float64) float64 { return median(r.atPercentile(percentile)) }

// atPercentile is a percentile of the waits of each round.
func (r row) atPercentile(percentile float64) []float64 {
	return column(r.Waits, slices.Index(percentiles, percentile))
}

// column is the k-th value of each round.
func column(rounds [][]float64, k int) []float64 {
	values := make([]float64, len(rounds))
	for i, r := range rounds {
		values[i] = r[k]
	}
	return values
}

func (o outcome) find(name string) row {
	k := slices.IndexFunc(o.Rows, func(r row) bool { return r.Name == name })
	if k < 0 {
		panic("no row " + name + " in " + o.Title)
	}
	return o.Rows[k]
}
