package semaphore_test

import (
	"testing"

	"github.com/eventchan/eventchan/internal/leaktest"
	"github.com/eventchan/eventchan/internal/mode"
)

func TestMain(m *testing.M) { leaktest.Main(func() int { return mode.Each(mode.All, m.Run) }) }
