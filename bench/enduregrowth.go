//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What a process could run out of.
const (
	descriptorCount = iota
	goroutineCount
	threadCount
	heapKiB // live, as the last collection found it
	residentKiB
	resources
)

var resourceNames = [resources]string{"descriptors", "goroutines", "threads", "KiB of heap", "KiB resident"}

// allowance is what may come and go without being a leak: Go's runtime keeps threads
// that it needed once, and a collection finds live what is about to be garbage. RSS
// is not judged, since each handle leaves memory behind, and is only printed.
var allowance = [...]int{descriptorCount: 16, goroutineCount: 64, threadCount: 16, heapKiB: 16 << 10}

// holdings are what the process has at one moment.
type holdings struct {
	at time.Time
	of [resources]int
}

func (h holdings) String() string {
	var b strings.Builder
	for i, name := range resourceNames {
		fmt.Fprintf(&b, "%d %s, ", h.of[i], name)
	}
	return strings.TrimSuffix(b.String(), ", ")
}

func hold() (h holdings, err error) {
	h.at = time.Now()
	if h.of[descriptorCount], err = openDescriptors(); err != nil {
		return h, err
	}
	h.of[goroutineCount] = runtime.NumGoroutine()
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	h.of[heapKiB] = int(live[0].Value.Uint64() >> 10)
	status, err := os.ReadFile("/proc/self/status")
	h.of[threadCount] = field(status, "Threads:")
	h.of[residentKiB] = field(status, "VmRSS:")
	return h, err
}

// field returns the number behind a name in /proc/self/status.
func field(status []byte, name string) int {
	_, rest, _ := bytes.Cut(status, []byte("\n"+name))
	line, _, _ := strings.Cut(string(rest), "\n")
	n, _ := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(line, "kB")))
	return n
}

// holdAfter gives goroutines that are about to end a second to do so.
func holdAfter(before holdings) (after holdings, err error) {
	for range 1000 {
		after, err = hold()
		if err != nil || after.of[goroutineCount] <= before.of[goroutineCount] {
			break
		}
		time.Sleep(time.Millisecond)
	}
	return after, err
}

// mostSamples bounds what growth remembers. Then it forgets every other one.
const mostSamples = 512

// A growth is what the process has held over time. Something grows without bound if
// the least of it in the last quarter of the time exceeds the most in the second
// quarter by more than the allowance. Noise does not look like that, because
// a single sample that is as low as before is enough, and the first
// quarter, in which pools and the runtime fill up, does not count.
type growth struct {
	samples  []holdings
	interval time.Duration
}

// sample is called often and looks when it is time.
func (g *growth) sample() error {
	if n := len(g.samples); n > 0 && time.Since(g.samples[n-1].at) < g.interval {
		return nil
	}
	h, err := hold()
	g.samples = append(g.samples, h)
	if len(g.samples) == mostSamples {
		for i := range mostSamples / 2 {
			g.samples[i] = g.samples[2*i]
		}
		g.samples, g.interval = g.samples[:mostSamples/2], 2*g.interval
	}
	return err
}

// quarters returns the second and the last of four.
func (g *growth) quarters() (second, last []holdings) {
	n := len(g.samples)
	return g.samples[n/4 : n/2], g.samples[n-n/4:]
}

func amounts(of []holdings, resource int) (all []int) {
	for _, h := range of {
		all = append(all, h.of[resource])
	}
	return all
}

// enough is how many samples a quarter needs to say anything.
const enough = 5

// check returns an error if anything grows without bound. left is how many KiB of
// heap objects that were closed may have left behind.
func (g *growth) check(left int) error {
	second, last := g.quarters()
	if len(second) < enough {
		return nil
	}
	for resource, allowed := range allowance {
		if resource == heapKiB {
			allowed += left
		}
		most, least := slices.Max(amounts(second, resource)), slices.Min(amounts(last, resource))
		if least-most > allowed {
			return fmt.Errorf("%s grow without bound: at most %d in the second quarter of the time, at least %d in the last",
				resourceNames[resource], most, least)
		}
	}
	return nil
}

// perHour returns how much a resource grows in an hour, from the mean of the second
// quarter to that of the last.
func (g *growth) perHour(resource int) float64 {
	second, last := g.quarters()
	if len(second) < enough {
		return 0
	}
	mean := func(of []holdings) (amount, at float64) {
		for _, h := range of {
			amount += float64(h.of[resource]) / float64(len(of))
			at += h.at.Sub(g.samples[0].at).Hours() / float64(len(of))
		}
		return amount, at
	}
	a, from := mean(second)
	b, to := mean(last)
	return (b - a) / (to - from)
}
