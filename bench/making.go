//go:build linux

package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bench/internal/cpeer"
)

const (
	makeCall   = "notify.New and Close"
	cOpensRow  = "eventfd(2) and close(2) in C"
	onlyHandle = ", the only one of the process"
)

// making compares what it takes to make an object, to bring it into its mode and to
// close it, and how many descriptors an open one has.
func making(s settings) []comparison {
	const ofEventfd = 2
	n := descriptorsAtMost(min(1000, s.most))
	return []comparison{{
		title: "Make and close an object", unit: "ns",
		rows: append(append([]contestant{{cOpensRow, opensInC}}, inModes(makeCall, makes)...),
			contestant{handle.of(makeCall) + onlyHandle, makesAlone}),
		targets: []target{times(ofEventfd, handle.of(makeCall), cOpensRow).making()},
	}, {
		title: fmt.Sprintf("Descriptors of an object, of %d", n), unit: "fds", count: n,
		rows: append([]contestant{{fileRow, holdsFiles}}, inModes("Notifier", holds)...),
		targets: []target{
			noMore(0, private.of("Notifier")), noMore(0, handle.of("Notifier")),
		},
	}}
}

func opensInC(n int) (measurement, error) {
	ns, err := cpeer.Opens(n)
	return measurement{value: float64(ns) / float64(n), allocs: -1}, err
}

// makes makes and closes while another object of that mode is open, as in a program
// that has several: nothing that all share is opened or ended each time.
func makes(m mode) func(int) (measurement, error) {
	return func(n int) (measurement, error) {
		other, _, err := m.notifier()
		if err != nil {
			return measurement{}, err
		}
		defer other.Close()
		return timedMakes(m, n)
	}
}

// makesAlone makes the first handle of a process that has none, and closes the
// last, each time. With them a goroutine starts and ends, so the value is the CPU
// time of all threads.
func makesAlone(n int) (measurement, error) {
	before := processClock()
	m, err := timedMakes(handle, n)
	m.value = float64(processClock()-before) / float64(done(n))
	return m, err
}

func timedMakes(m mode, n int) (measurement, error) {
	var failed error
	measured := timed(n, func(n int) {
		for range n {
			object, _, err := m.notifier()
			if err == nil {
				err = object.Close()
			}
			if err != nil {
				failed = err
			}
		}
	})
	return measured, failed
}

// holds makes a contestant whose value is how many descriptors an object has.
func holds(m mode) func(int) (measurement, error) {
	return descriptorsOf(func() (stop func(), err error) {
		n, _, err := m.notifier()
		return func() { n.Close() }, err
	})
}

func holdsFiles(n int) (measurement, error) {
	return descriptorsOf(func() (stop func(), err error) {
		fd, err := newEventfd(unix.EFD_NONBLOCK)
		if err != nil {
			return nil, err
		}
		f := os.NewFile(uintptr(fd), "eventfd")
		return func() { f.Close() }, nil
	})(n)
}

func descriptorsOf(open func() (stop func(), err error)) func(int) (measurement, error) {
	return func(n int) (measurement, error) {
		stop, err := open() // what the process opens once
		if err != nil {
			return measurement{}, err
		}
		defer stop()
		before, err := openDescriptors()
		if err != nil {
			return measurement{}, err
		}
		for range n {
			stop, err := open()
			if err != nil {
				return measurement{}, err
			}
			defer stop()
		}
		after, err := openDescriptors()
		return measurement{value: float64(after-before) / float64(n), allocs: -1}, err
	}
}

// openDescriptors is how many the process has open, and one more to count them.
func openDescriptors() (int, error) {
	all, err := os.ReadDir("/proc/self/fd")
	return len(all), err
}
