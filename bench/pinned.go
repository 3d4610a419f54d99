//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// pinnedChild is the environment variable of a process that was started to
// measure the comparison of that title.
const pinnedChild = "EVENTCHAN_BENCH_PINNED"

func isPinnedChild() bool { return os.Getenv(pinnedChild) != "" }

// measurePinned measures in a process that has one CPU. It is a process of its
// own because Go determines the number of CPUs once, when it starts.
func (c comparison) measurePinned(s settings) (out outcome, err error) {
	self, err := os.Executable()
	if err != nil {
		return out, err
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Env = append(os.Environ(), pinnedChild+"="+c.title)
	cmd.Stderr = os.Stderr
	var text []byte
	if err := onOneCPU(func() { text, err = cmd.Output() }); err != nil {
		return out, err
	}
	if err != nil {
		return out, fmt.Errorf("the process on one CPU: %w", err)
	}
	return out, json.Unmarshal(text, &out)
}

// onOneCPU runs f on a thread that has one CPU, which whatever f starts inherits.
func onOneCPU(f func()) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return os.NewSyscallError("sched_getaffinity", err)
	}
	for cpu := range len(before) * 64 {
		if before.IsSet(cpu) { // the last one: the first serves most interrupts
			one.Zero()
			one.Set(cpu)
		}
	}
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return os.NewSyscallError("sched_setaffinity", err)
	}
	f()
	return os.NewSyscallError("sched_setaffinity", unix.SchedSetaffinity(0, &before))
}

// answer is what the child does.
func answer(title string, s settings) {
	if n := runtime.GOMAXPROCS(0); n != 1 {
		log.Fatalf("GOMAXPROCS is %d in the process that should have one CPU", n)
	}
	for _, c := range comparisons(s) {
		if c.title != title {
			continue
		}
		out, err := c.measure(s)
		if err != nil {
			log.Fatal(err)
		}
		if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
			log.Fatal(err)
		}
		return
	}
	log.Fatalf("no comparison %q", title)
}
