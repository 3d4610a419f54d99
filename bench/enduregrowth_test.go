//go:build linux

package main

import (
	"testing"
	"time"
)

// grown is a growth of n samples, one a second.
func grown(n int, amount func(second int) int) *growth {
	g := new(growth)
	for i := range n {
		h := holdings{at: time.Unix(int64(i), 0)}
		h.of[goroutineCount] = amount(i)
		g.samples = append(g.samples, h)
	}
	return g
}

func TestGrowthWithoutBoundIsTold(t *testing.T) {
	const allowed = 64 // goroutines
	for _, tt := range []struct {
		what    string
		amount  func(second int) int
		grows   bool
		perHour float64
	}{
		{"constant", func(int) int { return 500 }, false, 0},
		{"one more each second, 31 in all", func(i int) int { return i }, false, 3600},
		{"three more each second", func(i int) int { return 3 * i }, true, 10800},
		{"three more each second, with noise", func(i int) int { return 3*i + i%7*3 }, true, 0},
		{"more at the beginning only", func(i int) int { return min(i, 25) * 100 }, false, 0},
		{"more by what is allowed", func(i int) int { return 10 + i/60*allowed }, false, 0},
		{"noise", func(i int) int { return i * 7919 % 1000 }, false, 0},
		{"noise, and more each second", func(i int) int { return i*20 + i*7919%500 }, true, 0},
		{"as little as before, once", func(i int) int {
			if i == 110 {
				return 0
			}
			return i * 20
		}, false, 0},
	} {
		g := grown(120, tt.amount)
		if err := g.check(0); (err != nil) != tt.grows {
			t.Errorf("%s: %v", tt.what, err)
		}
		if got := g.perHour(goroutineCount); tt.perHour != 0 && (got < tt.perHour-1 || got > tt.perHour+1) {
			t.Errorf("%s: %v more an hour, want %v", tt.what, got, tt.perHour)
		}
	}
}

// What closed handles leave on the heap is not a leak.
func TestHeapOfClosedHandlesIsAllowed(t *testing.T) {
	g := new(growth)
	for i := range 120 {
		h := holdings{at: time.Unix(int64(i), 0)}
		h.of[heapKiB] = 1000 * i
		g.samples = append(g.samples, h)
	}
	if err := g.check(0); err == nil {
		t.Error("a heap that grows is not told")
	}
	if err := g.check(120_000); err != nil {
		t.Error(err)
	}
}

func TestSamplesAreThinnedOut(t *testing.T) {
	g := new(growth)
	for range 3 * mostSamples {
		if g.interval > time.Nanosecond {
			break
		}
		if err := g.sample(); err != nil {
			t.Fatal(err)
		}
		if g.interval == 0 && len(g.samples) == mostSamples-1 {
			g.interval = 1
		}
	}
	if len(g.samples) != mostSamples/2 || g.interval != 2 {
		t.Errorf("%d samples, one each %v; want %d, one each 2ns", len(g.samples), g.interval, mostSamples/2)
	}
}
