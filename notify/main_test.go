package notify_test

import (
	"os"
	"testing"

	"github.com/eventchan/eventchan/internal/testing/leaktest"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/notify"
)

// roles are functions that the test binary runs instead of the tests when a test that needs a process of
// its own starts it again.
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
				notify.LeadAlways() // otherwise no test waits often enough to lead
			}
			return m.Run()
		})
	})
}
