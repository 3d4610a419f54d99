package bridge_test

import (
	"testing"

	"github.com/eventchan/eventchan/internal/testing/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m.Run) }
