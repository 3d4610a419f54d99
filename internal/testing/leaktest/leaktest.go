// Package leaktest makes a test binary fail if its tests leave goroutines or
// descriptors behind.
package leaktest

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/eventchan/eventchan/internal/doorbell"
	"github.com/eventchan/eventchan/internal/rawefd"
)

// Main calls run, which is testing.M's Run, and exits. TestMain calls it.
func Main(run func() int) {
	before := Baseline()
	code := run()
	if code == 0 && flag.Lookup("test.fuzz").Value.String() == "" {
		if err := Check(before); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// events ignores the goroutine with which Go's runtime handles calls from JavaScript.
var events = goleak.IgnoreAnyFunction("runtime.handleEvent")

// Check returns an error if there are goroutines or descriptors beyond those of before. It waits
// a while for them to go, because work that Close has started can end after Close.
func Check(before []string) error {
	if err := goleak.Find(events); err != nil {
		return err
	}
	var after []string
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if after = descriptors(); slices.Equal(before, after) {
			return nil
		}
		<-time.After(time.Millisecond)
	}
	return fmt.Errorf("descriptors leaked: there were %q, there are %q", before, after)
}

// Baseline returns the descriptors with which Check compares later. It waits until what earlier
// tests have closed has ended.
func Baseline() []string {
	warmUp()
	goleak.Find(events) // waits; goroutines that remain are not reported here
	return descriptors()
}

// Goroutines returns how many goroutines there are. runtime.NumGoroutine also counts those that
// have ended while the garbage collector frees their stacks, which can be hundreds.
func Goroutines() int {
	n, _ := runtime.GoroutineProfile(make([]runtime.StackRecord, 1)) // counts while the world is stopped
	return n
}

// Ours returns how many descriptors there are, and whether the poller is running. A private
// object needs neither.
func Ours(t testing.TB) (count int, poller bool) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return len(entries), strings.Contains(string(stacks), "internal/lead.")
}

// descriptors returns the open descriptors of the process with their files, sorted. It returns
// nil if there is no /proc, and on WebAssembly, where the descriptors are those of the
// JavaScript runtime.
func descriptors() []string {
	if runtime.GOARCH == "wasm" {
		return nil
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil
	}
	var names []string
	for _, entry := range entries {
		// The directory itself is closed by now. The log belongs to the go command, which
		// opens it each time that tests run.
		name, err := os.Readlink("/proc/self/fd/" + entry.Name())
		if err == nil && !strings.HasSuffix(name, "/testlog.txt") {
			names = append(names, entry.Name()+" "+name)
		}
	}
	slices.Sort(names)
	return names
}

// warmUp opens the descriptors that stay open as long as the process lives: those of
// the runtime's own poller, and the doorbell.
func warmUp() {
	if bell, err := doorbell.New(deaf{}); err == nil {
		bell.Close()
		return
	}
	// On processors where Go and C share no atomics, there are no handles, but there are
	// exported objects.
	if door, err := rawefd.NewDoorbell(); err == nil {
		door.Close()
	}
}

type deaf struct{}

func (deaf) Look() {}
