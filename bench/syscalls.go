//go:build linux

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// countedTrips is how many trips are counted. What opening and closing costs is spread
// over them.
const countedTrips = 5000

// systemCalls compares the system calls of a wake-up and its answer, those of the C thread
// at the other end included: with read(2) and write(2) it makes two, or one if it signals
// through a handle that needs no doorbell. They are counted apart from the time that they
// take, because counting takes time.
func systemCalls() []comparison {
	var all []comparison
	for _, c := range wakeUps() {
		place := c.title[strings.LastIndex(c.title, ",")+2:]
		counted := comparison{
			title: "System calls per wake-up and answer, " + place, unit: "calls", pinned: c.pinned, count: countedTrips,
		}
		for _, r := range c.rows {
			counted.rows = append(counted.rows, contestant{r.name, countCalls(r.round)})
		}
		all = append(all, counted)
	}
	return all
}

// countCalls makes a contestant whose value is the system calls of this process per
// operation of round, which does a tenth more to warm up.
func countCalls(round func(int) (measurement, error)) func(int) (measurement, error) {
	return func(n int) (measurement, error) {
		counter, err := newCallCounter()
		if err != nil {
			return measurement{}, err
		}
		defer counter.close()
		m, err := round(n)
		if err != nil {
			return m, err
		}
		calls, err := counter.read()
		return measurement{value: float64(calls) / float64(done(n)), allocs: -1}, err
	}
}

// errNoCounter says why rows of system calls have no figures.
var errNoCounter = errors.New("system calls cannot be counted here")

// A callCounter counts the system calls of this process: one event of perf_event_open(2)
// for each thread, which the threads that it starts inherit.
type callCounter []int

func newCallCounter() (c callCounter, err error) {
	id, err := os.ReadFile("/sys/kernel/tracing/events/raw_syscalls/sys_enter/id")
	if err != nil {
		return nil, fmt.Errorf("%w: %v", errNoCounter, err)
	}
	config, err := strconv.ParseUint(strings.TrimSpace(string(id)), 10, 64)
	if err != nil {
		return nil, err
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return nil, err
	}
	for _, thread := range threads {
		tid, err := strconv.Atoi(thread.Name())
		if err != nil {
			return nil, err
		}
		attr := unix.PerfEventAttr{Type: unix.PERF_TYPE_TRACEPOINT, Config: config, Size: unix.PERF_ATTR_SIZE_VER0, Bits: unix.PerfBitInherit}
		fd, err := unix.PerfEventOpen(&attr, tid, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
		switch err {
		case nil:
			c = append(c, fd)
		case unix.ESRCH: // the thread has ended
		default:
			c.close()
			return nil, fmt.Errorf("%w: perf_event_open: %v", errNoCounter, err)
		}
	}
	return c, nil
}

func (c callCounter) read() (calls uint64, err error) {
	for _, fd := range c {
		var count [8]byte
		if _, err := unix.Read(fd, count[:]); err != nil {
			return 0, os.NewSyscallError("read", err)
		}
		calls += binary.NativeEndian.Uint64(count[:])
	}
	return calls, nil
}

func (c callCounter) close() {
	for _, fd := range c {
		unix.Close(fd)
	}
}
