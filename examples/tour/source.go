//go:build linux

package main

import (
	"fmt"
	"os"
	"time"
)

// A source is one signaller, with what it sends and what was heard of it.
type source struct {
	name     string
	sends    uint64
	atLeast  bool // it goes on after that, as a timer does
	arrived  uint64
	receives int
	faults   []string
}

var (
	sources []*source
	began   = time.Now()
)

// newSource introduces a signaller and tells the reader what it is about to do.
func newSource(name string, sends uint64, format string, args ...any) *source {
	s := &source{name: name, sends: sends}
	sources = append(sources, s)
	fmt.Printf("  %-9s %s\n", name, fmt.Sprintf(format, args...))
	return s
}

// leftOut tells why this machine has no such signaller.
func leftOut(name string, why any) *source {
	return newSource(name, 0, "left out: %v", why)
}

// heard books a receive. One receive may bring many signals, never fewer than
// were sent.
func (s *source) heard(count uint64) {
	s.arrived += count
	s.receives++
	if s.receives <= 3 {
		fmt.Printf("  %6.1f ms  %-9s +%-5d makes %d\n",
			time.Since(began).Seconds()*1000, s.name, count, s.arrived)
	}
}

// heardLate books what a TryWait found after all was over, which is nothing.
func (s *source) heardLate(count uint64, some bool) {
	if some {
		s.heard(count)
	}
}

// expect notes a fault that is no wrong count.
func (s *source) expect(ok bool, fault string) {
	if !ok {
		s.faults = append(s.faults, fault)
	}
}

// complete reports whether every source has been heard to its end.
func complete() bool {
	for _, s := range sources {
		if s.arrived < s.sends {
			return false
		}
	}
	return true
}

// report compares what was sent with what arrived, and tells whether all is as
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

// must and check end the program where a system call fails: a tour has nobody
// to hand an error to.
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
