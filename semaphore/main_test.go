package semaphore_test

import (
	"testing"

	"github.com/eventchan/eventchan/internal/testing/leaktest"
	"github.com/eventchan/eventchan/internal/testing/mode"
)

func TestMain(m *testing.M) { leaktest.Main(func() int { return mode.Each(mode.All, m.Run) }) }
