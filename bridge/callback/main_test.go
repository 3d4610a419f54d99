package callback_test

import (
	"testing"

	"github.com/eventchan/eventchan/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m.Run) }
