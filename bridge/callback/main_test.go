package callback_test

import (
	"os"
	"testing"

	"github.com/eventchan/eventchan/internal/testing/leaktest"
)

// roles are what the test binary does instead of testing, when a test that needs a process
// of its own starts the binary again.
var roles = map[string]func(){}

const roleKey = "EVENTCHAN_CALLBACK_ROLE"

func TestMain(m *testing.M) {
	if role := roles[os.Getenv(roleKey)]; role != nil {
		role()
		return
	}
	leaktest.Main(m.Run)
}
