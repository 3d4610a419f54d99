package queue_test

import (
	"flag"
	"os"
	"runtime"
	"testing"

	"github.com/eventchan/eventchan/internal/hammer"
	"github.com/eventchan/eventchan/internal/leaktest"
	"github.com/eventchan/eventchan/internal/rawefd"
)

// roles are what the test binary does instead of testing when it is started
// again by a test that needs a process of its own.
var roles = map[string]func(){}

const roleKey = "EVENTCHAN_QUEUE_ROLE"

// shared is whether queues of the tests have a handle.
var shared = os.Getenv("EVENTCHAN_MODE") == "handle"

// TestMain runs all tests with private queues, and then with queues that have a handle.
func TestMain(m *testing.M) {
	if role := roles[os.Getenv(roleKey)]; role != nil {
		role()
		return
	}
	flag.Parse()
	leaktest.Main(func() int {
		code := m.Run()
		if code == 0 && rawefd.HasDoorbell && !shared && os.Getenv("EVENTCHAN_MODE") == "" && !once() {
			shared = true
			code = m.Run()
		}
		return code
	})
}

// once reports whether tests run in one mode only, as in package mode.
func once() bool {
	for _, name := range []string{"test.bench", "test.fuzz", "test.list"} {
		if flag.Lookup(name).Value.String() != "" {
			return true
		}
	}
	return false
}

func pause() { runtime.Gosched() }

// pauseIfAlone lets others run in a loop that should stay tight on several processors.
func pauseIfAlone() {
	if runtime.GOMAXPROCS(0) == 1 {
		pause()
	}
}

// rounds returns n in CI, and a part of it elsewhere.
func rounds(n int) int {
	if hammer.InCI() {
		return n
	}
	return n / 8
}
