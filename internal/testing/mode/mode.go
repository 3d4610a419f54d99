// Package mode runs tests in each of the places where a count can be: private, exported and
// shared.
package mode

import (
	"flag"
	"fmt"
	"os"
	"unsafe"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/notify"
	"github.com/eventchan/eventchan/semaphore"
)

// All has the modes that this system supports. EVENTCHAN_MODE picks one.
var All = all()

func all() []string {
	modes := []string{"private"}
	if rawefd.HasEventfd {
		modes = append(modes, "exported")
	}
	if rawefd.HasDoorbell {
		modes = append(modes, "handle")
	}
	return modes
}

// These are "" unless Each is running, for example in a child process of a test.
var current, first string

// First reports whether the tests are running in the first of their modes. A test that does the
// same in all modes returns immediately in the others.
func First() bool { return current == first }

// chosen returns the mode that the environment picks, or "". Tests call it each time, because
// "go test" notices that a cached result depends on the variable only if a test reads it.
func chosen() string { return os.Getenv("EVENTCHAN_MODE") }

// Is reports whether the tests are running in the given mode.
func Is(mode string) bool {
	now := chosen()
	if current != "" {
		now = current
	}
	return now == mode || now == "" && mode == All[0]
}

// AllInCI returns the modes for tests that only CI has time to run in all modes.
func AllInCI() []string {
	if hammer.InCI() {
		return All
	}
	return All[:1]
}

// Each calls run, which is testing.M's Run, in each of the modes until it fails, and
// returns the last exit status. Benchmarks and fuzzing run in one mode. Outside CI, tests are
// short in all modes except the first.
func Each(modes []string, run func() int) int {
	flag.Parse() // run would do that too late for set
	if mode := chosen(); mode != "" {
		modes = []string{mode}
	} else if set("test.bench") || set("test.fuzz") || set("test.list") {
		modes = All[:1]
	}
	first = modes[0]
	for i, mode := range modes {
		current = mode
		if i > 0 && !hammer.InCI() {
			flag.Set("test.short", "true")
		}
		if code := run(); code != 0 {
			fmt.Fprintf(os.Stderr, "in mode %s of %s\n", current, All)
			return code
		}
	}
	return 0
}

func set(name string) bool { return flag.Lookup(name).Value.String() != "" }

// Notifier is notify.New in the current mode.
func Notifier() (*notify.Notifier, error) {
	n, err := notify.New()
	if err == nil && !enter(n) {
		n.Close()
		err = fmt.Errorf("cannot enter the mode %q", current)
	}
	return n, err
}

// Semaphore is semaphore.New in the current mode.
func Semaphore(permits int64) (*semaphore.Semaphore, error) {
	s, err := semaphore.New(permits)
	if err == nil && !enter(s) {
		s.Close()
		err = fmt.Errorf("cannot enter the mode %q", current)
	}
	return s, err
}

// enter brings a new object into the current mode.
func enter(object interface {
	FD() int
	Handle() unsafe.Pointer
}) bool {
	switch {
	case Is("exported"):
		return object.FD() >= 0
	case Is("handle"):
		return object.Handle() != nil
	}
	return Is("private")
}
