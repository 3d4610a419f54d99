package tests

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/mode"
)

// In these tests, small programs run while one system call fails: each call of each name, with
// each errno, once and for a while. Nothing must be lost and nothing must hang. Each error
// must match the errno, and once the fault is over everything must work.

// faultLimit is how long a program waits for something that must happen.
const faultLimit = limit

// A fault is a system call that fails.
type fault struct {
	call  string
	at    int           // the position of the failing call among those of its name, from 1
	errno syscall.Errno // 0 if there is no fault
	lasts time.Duration // 0 if only that call fails

	polled bool // preadv2 is refused all the time, so that reads are polled
}

func (f fault) String() string {
	s := fmt.Sprintf("%s no. %d: %v", f.call, f.at, f.errno)
	if f.lasts > 0 {
		s += fmt.Sprintf(" for %v", f.lasts)
	}
	if f.polled {
		s += ", polled"
	}
	return s
}

// errnos has the errors with which a system call can fail, here or in a sandbox.
var errnos = []syscall.Errno{
	unix.EINTR, unix.EAGAIN, unix.EPERM, unix.ENOMEM, unix.EMFILE, unix.ENFILE, unix.ENOSPC, unix.EIO, unix.EINVAL,
}

// leftOut returns the reason why a program is not run with a fault, or "".
func leftOut(program string, f fault) string {
	if f.errno == unix.EINTR || f.errno == unix.EPERM && f.call == "preadv2" {
		return "" // EINTR is retried, and without preadv2 reads are polled
	}
	takes := f.call == "preadv2" || f.call == "read" || f.call == "poll"
	switch {
	case f.errno == unix.EAGAIN && takes && f.call != "poll":
		return "EAGAIN says that the count is 0, and the kernel does not lie"
	case f.errno == unix.EAGAIN && f.call == "write" && strings.HasPrefix(program, "Semaphore"):
		return "EAGAIN says that the counter is full, and then Release panics, as its comment says"
	case program == "closing" && takes:
		return "Notifier.last drops the error of TakeAll, and the count with it"
	}
	return ""
}

// Each system call of each program fails once, and for a while.
func TestEachSystemCallFails(t *testing.T) {
	if !mode.Is(mode.All[0]) {
		return // the programs are the same in each mode
	}
	for _, name := range slices.Sorted(maps.Keys(programs)) {
		t.Run(name, func(t *testing.T) {
			for _, polled := range []bool{false, true} {
				if polled && !hammer.InCI() {
					continue // only CI has time for this half
				}
				calls := runWith(t, name, fault{polled: polled})
				for _, call := range slices.Sorted(maps.Keys(calls)) {
					for at := 1; at <= calls[call]; at++ {
						eachFault(t, name, fault{call: call, at: at, polled: polled})
					}
				}
			}
		})
	}
}

// eachFault runs a program with each errno, once and for a while. Outside CI, it uses only one
// errno and one of the two durations, different ones for positions that follow each other.
func eachFault(t *testing.T, name string, f fault) {
	durations := []time.Duration{0, 15 * time.Millisecond} // what is tried again after 10 ms fails once more
	for i, errno := range errnos {
		for j, lasts := range durations {
			if !hammer.InCI() && (i != f.at%len(errnos) || j != f.at%len(durations)) {
				continue
			}
			f.errno, f.lasts = errno, lasts
			if leftOut(name, f) == "" {
				runWith(t, name, f)
			}
		}
	}
}

// duplicatesOwn reports whether this process can duplicate its own descriptors with
// pidfd_getfd(2), which Docker's seccomp profile refuses and Linux before 5.6 lacks.
var duplicatesOwn = sync.OnceValue(func() bool {
	pidfd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return false
	}
	defer unix.Close(pidfd)
	own, err := unix.PidfdGetfd(pidfd, pidfd, 0)
	if err != nil {
		return false
	}
	unix.Close(own)
	return true
})

// runWith runs a program with a fault and returns how many calls there were.
func runWith(t *testing.T, name string, what fault) map[string]int {
	f := &faulty{fault: what, calls: make(map[string]int)}
	defer rawefd.SetHook(f.hook)()
	done := make(chan struct{})
	go func() {
		defer close(done)
		programs[name](f)
	}()
	select {
	case <-done:
	case <-time.After(4 * faultLimit):
		stacks := make([]byte, 1<<20)
		t.Fatalf("%v: the program hangs\n%s", f.fault, stacks[:runtime.Stack(stacks, true)])
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, bad := range f.bad {
		t.Errorf("%v: %s", f.fault, bad)
	}
	return maps.Clone(f.calls) // a call that has begun in another goroutine still counts itself
}
