package queue_test

import (
	"os"
	"runtime"
	"slices"
	"testing"

	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/leaktest"
	"github.com/eventchan/eventchan/internal/testing/mode"
)

// roles are what the test binary does instead of testing, when a test that needs a process
// of its own starts the binary again.
var roles = map[string]func(){}

const roleKey = "EVENTCHAN_QUEUE_ROLE"

// shared reports whether the tests currently use queues with a handle.
func shared() bool { return mode.Is("handle") }

// TestMain runs all tests with private queues, and then again with queues that have a
// handle.
func TestMain(m *testing.M) {
	if role := roles[os.Getenv(roleKey)]; role != nil {
		role()
		return
	}
	modes := slices.DeleteFunc(slices.Clone(mode.All), func(mode string) bool { return mode == "exported" })
	leaktest.Main(func() int { return mode.Each(modes, m.Run) })
}

func pause() { runtime.Gosched() }

// pauseIfAlone yields only with a single processor, in a loop that should not yield with
// several.
func pauseIfAlone() {
	if runtime.GOMAXPROCS(0) == 1 {
		pause()
	}
}

// rounds returns n in CI, and an eighth of it elsewhere.
func rounds(n int) int {
	if hammer.InCI() {
		return n
	}
	return n / 8
}
