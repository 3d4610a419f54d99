//go:build linux

package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"regexp"
	"runtime/debug"
	"time"
)

// options are the flags.
type options struct {
	quick  bool
	rounds int
	svg    string
	only   string

	endure extent
}

// settings say how long to measure.
type settings struct {
	rounds int
	budget time.Duration // of one round of one contestant
	most   int           // descriptors

	periods int // of a real-time thread in one round
}

func (o options) settings() settings {
	s := settings{rounds: o.rounds, budget: 60 * time.Millisecond, most: 100_000, periods: 6000}
	if o.quick {
		s = settings{rounds: 1, budget: 2 * time.Millisecond, most: 100, periods: 60}
	}
	return s
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	var o options
	flag.BoolVar(&o.quick, "quick", false, "check in a few seconds that every comparison runs and counts right")
	flag.IntVar(&o.rounds, "rounds", 11, "how many rounds to take the median of")
	flag.StringVar(&o.svg, "svg", "", "draw the charts into this `folder`")
	flag.StringVar(&o.only, "run", "", "run only comparisons, or loads of -endure, whose title matches this `pattern`")
	flag.Var(&o.endure, "endure", "lose and leave behind nothing for this `time`, or until each load has received this many, instead")
	flag.Parse()
	only, err := regexp.Compile(o.only)
	if err != nil || flag.NArg() > 0 || o.rounds < 1 {
		flag.Usage()
		os.Exit(2)
	}
	if o.endure != (extent{}) {
		if err := endure(os.Stdout, o.endure, only); err != nil {
			log.Fatal(err)
		}
		return
	}
	// No collection but those between the rounds: one in the middle of a round
	// would count against the contestant whose turn it is.
	debug.SetGCPercent(-1)
	if title := os.Getenv(pinnedChild); title != "" {
		answer(title, o.settings())
		return
	}
	if err := run(o, only); err != nil {
		log.Fatal(err)
	}
}

// run measures, prints and draws.
func run(o options, only *regexp.Regexp) error {
	s := o.settings()
	describe(os.Stdout, s)
	var done []outcome
	for _, c := range comparisons(s) {
		if !only.MatchString(c.title) {
			continue
		}
		out, err := c.measure(s)
		if err != nil {
			return fmt.Errorf("%s: %w", c.title, err)
		}
		out.print(os.Stdout)
		done = append(done, out)
	}
	if o.quick {
		fmt.Println("\nAll counts were right. One short round says nothing about speed.")
	} else {
		printTargets(os.Stdout, done)
	}
	if o.svg == "" {
		return nil
	}
	return drawAll(o.svg, done)
}

// comparisons lists them all, in the order of the table.
func comparisons(s settings) []comparison {
	var all []comparison
	for _, group := range [][]comparison{
		realTime(s), calls(), wakeUps(), systemCalls(), busyConsumer(), goroutines(), fanIn(s), sets(s), making(s), memory(s), signals(), looks(), values(), pairs(), contention(s), descriptors(s),
	} {
		all = append(all, group...)
	}
	return all
}
