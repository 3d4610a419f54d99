package notify_test

import (
	"os"
	"testing"

	"github.com/eventchan/eventchan/internal/testing/leaktest"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/notify"
)

// roles are what the test binary does instead of testing when it is started
// again by a test that needs a process of its own.
var roles = map[string]func(){}

const roleKey = "EVENTCHAN_NOTIFY_ROLE"

func TestMain(m *testing.M) {
	if role := roles[os.Getenv(roleKey)]; role != nil {
		role()
		return
	}
	leaktest.Main(func() int {
		return mode.Each(mode.All, func() int {
			if !mode.Is("private") {
				notify.LeadAlways() // or else none of these tests waits often enough
			}
			return m.Run()
		})
	})
}
