package poller_test

import (
	"testing"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/leaktest"
)

func TestMain(m *testing.M) {
	// Otherwise the first test would do this, where some tests make the system calls fail.
	rawefd.NestedEdges()
	leaktest.Main(m.Run)
}
