//go:build linux

package main

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bench/internal/cpeer"
	"github.com/eventchan/eventchan/internal/doorbell"
)

// looks compares how often a consumer may look without finding anything before it
// sleeps. The value is the CPU time that a signal costs on the Go side, at a
// steady pace of a C thread. The waits are how long that thread took for a signal,
// with a look at the clock, which takes most of it.
func looks() []comparison {
	var all []comparison
	for _, gap := range []time.Duration{500 * time.Nanosecond, 5 * time.Microsecond, 50 * time.Microsecond} {
		c := comparison{title: fmt.Sprintf("A signal by handle every %v, CPU of the Go side", gap), unit: "ns"}
		for _, most := range []int32{0, 16, 64, 256, 1024} {
			name := fmt.Sprintf("Notifier.Wait, at most %d looks", most)
			if most == doorbell.MostLooks {
				name += ", as it is"
			}
			c.rows = append(c.rows, contestant{name, looking(most, gap)})
		}
		all = append(all, c)
	}
	return all
}

func looking(most int32, gap time.Duration) func(int) (measurement, error) {
	return func(n int) (measurement, error) {
		n = min(n, int(100*time.Millisecond/gap)) // even if Go does little
		defer func(before int32) { doorbell.MostLooks = before }(doorbell.MostLooks)
		doorbell.MostLooks = most
		w, err := wakeWait(handle)()
		if err != nil {
			return measurement{}, err
		}
		defer w.stop()
		allocs, before := mallocs(), processClock()
		thread, err := cpeer.Paced(w.line, int64(gap), n)
		if err != nil {
			return measurement{}, err
		}
		got, err := sum(w.wait)(uint64(n))
		if err != nil {
			return measurement{}, err
		}
		waits, err := thread.Join()
		if err != nil {
			return measurement{}, err
		}
		return measurement{
			value:  float64(processClock()-before-thread.Busy()) / float64(n),
			allocs: float64(mallocs()-allocs) / float64(n),
			waits:  waits,
		}, conserved(uint64(n), got)
	}
}

// processClock is how much CPU time all threads have had.
func processClock() int64 { return clock(unix.CLOCK_PROCESS_CPUTIME_ID) }
