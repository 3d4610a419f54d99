//go:build linux

package main

import (
	"fmt"
	"os"
	"time"
)

// A source is one signaler, with how much it sends and how much has arrived.
type source struct {
	name     string
	sends    uint64
	atLeast  bool // it can send more than that, as a timer does
	arrived  uint64
	receives int
	faults   []string
}

var (
	sources []*source
	began   = time.Now()
)

// newSource adds a signaler and prints what it is going to do.
func newSource(name string, sends uint64, format string, args ...any) *source {
	s := &source{name: name, sends: sends}
	sources = append(sources, s)
	fmt.Printf("  %-9s %s\n", name, fmt.Sprintf(format, args...))
	return s
}

// leftOut prints why this machine has no such signaler.
func leftOut(name string, why any) *source {
	return newSource(name, 0, "left out: %v", why)
}

// heard counts a receive. One receive can bring many signals, and none is ever lost.
func (s *source) heard(count uint64) {
	s.arrived += count
	s.receives++
	if s.receives <= 3 {
		fmt.Printf("  %6.1f ms  %-9s +%-5d makes %d\n",
			time.Since(began).Seconds()*1000, s.name, count, s.arrived)
	}
}

// heardLate counts what a TryWait has found after the end, which should be nothing.
func (s *source) heardLate(count uint64, some bool) {
	if some {
		s.heard(count)
	}
}

// expect notes a fault unless ok is true.
func (s *source) expect(ok bool, fault string) {
	if !ok {
		s.faults = append(s.faults, fault)
	}
}

// complete reports whether everything has arrived from every source.
func complete() bool {
	for _, s := range sources {
		if s.arrived < s.sends {
			return false
		}
	}
	return true
}

// report compares what was sent with what arrived, and reports whether all is as
// it should be.
func report() (ok bool) {
	fmt.Print("\nWhat was sent and what arrived:\n\n")
	ok = true
	for _, s := range sources {
		if s.sends == 0 {
			continue
		}
		verdict := "ok"
		if s.arrived != s.sends && !(s.atLeast && s.arrived > s.sends) {
			s.expect(false, "the counts differ")
		}
		for _, fault := range s.faults {
			ok, verdict = false, "WRONG: "+fault
		}
		fmt.Printf("  %-9s sent %4d, arrived %4d in %3d receives: %s\n",
			s.name, s.sends, s.arrived, s.receives, verdict)
	}
	return ok
}

// must and check end the program if a system call fails, to keep the tour short.
func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "tour:", err)
		os.Exit(1)
	}
}
