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

// Main calls run, which is testing.M's, and exits. It is to be called by TestMain.
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

// events is the goroutine by which Go's runtime calls back from JavaScript.
var events = goleak.IgnoreAnyFunction("runtime.handleEvent")

// Check returns an error if there are goroutines of ours, or descriptors beyond
// those in before, that do not go away soon: what Close sets in motion may end
// an instant later.
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

// Baseline returns what to compare with later: the descriptors that are there
// once what earlier tests closed has ended.
func Baseline() []string {
	warmUp()
	goleak.Find(events) // waits; what it cannot wait for is not ours to report here
	return descriptors()
}

// Ours returns how many descriptors there are, and whether the poller runs: what
// a private object does without.
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

// descriptors returns what the open descriptors of the process refer to, sorted,
// or nil where there is no /proc, and on WebAssembly, where they are those of the
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
		// The directory itself is closed by now; the log is the go command's, opened
		// once for each time that tests run.
		name, err := os.Readlink("/proc/self/fd/" + entry.Name())
		if err == nil && !strings.HasSuffix(name, "/testlog.txt") {
			names = append(names, entry.Name()+" "+name)
		}
	}
	slices.Sort(names)
	return names
}

// warmUp opens the descriptors that stay for as long as the process lives: those of
// the runtime's own poller, and the doorbell of handles.
func warmUp() {
	if bell, err := doorbell.New(deaf{}); err == nil {
		bell.Close()
		return
	}
	// Where Go's atomics are not C's there are no handles, but exported objects.
	if door, err := rawefd.NewDoorbell(); err == nil {
		door.Close()
	}
}

type deaf struct{}

func (deaf) Look() {}
