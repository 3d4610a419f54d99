//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// describe prints what the figures were measured on.
func describe(w io.Writer, s settings) {
	fmt.Fprintln(w, machine())
	fmt.Fprintf(w, "medians of %d rounds; in each round the implementations ran in turn; load average before: %s\n",
		s.rounds, loadAverage())
}

// machine names the processor, the kernel, the version of Go and the day.
func machine() string {
	var uname unix.Utsname
	unix.Uname(&uname)
	return fmt.Sprintf("%s, %d CPUs, Linux %s, %s %s/%s, %s",
		processor(), runtime.NumCPU(), unix.ByteSliceToString(uname.Release[:]),
		runtime.Version(), runtime.GOOS, runtime.GOARCH, time.Now().Format(time.DateOnly))
}

// processor is the name of the first CPU, without its clock, or "unknown".
func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown CPU"
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, _ := strings.Cut(lines.Text(), ":"); strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown CPU"
}

// loadAverage is that of the last minute. On a busy machine, figures mean little.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Fields(string(text))[0]
}

// descriptorsAtMost is how many descriptors a contestant may open of the n that
// it would like, with some left for the rest of the program.
func descriptorsAtMost(n int) int {
	const rest = 100
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return min(n, 1024-rest)
	}
	if want := uint64(n + rest); limit.Cur < want {
		// Only root may pass the hard limit.
		more := unix.Rlimit{Cur: want, Max: max(want, limit.Max)}
		if unix.Setrlimit(unix.RLIMIT_NOFILE, &more) == nil {
			return n
		}
	}
	return min(n, int(limit.Cur)-rest)
}
