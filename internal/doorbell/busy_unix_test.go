//go:build unix

package doorbell_test

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/doorbell"
	"github.com/eventchan/eventchan/internal/testing/hammer"
)

func never() bool { return false }

// While other goroutines compute on the only processor, a turn takes many
// milliseconds. A consumer that wants to sleep then waits for one such turn, not for 64.
func TestBusyProcessHasNoTimeToLook(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var stop atomic.Bool
	defer stop.Store(true)
	for range 4 {
		go func() {
			for !stop.Load() {
				hammer.Yield()
			}
		}()
	}
	var p doorbell.Patience
	begin := hammer.CPU(t)
	for range 5 {
		p.Learn(9)
		p.Again(never)
	}
	if took := hammer.CPU(t) - begin; took > time.Second {
		t.Errorf("looking five times took %v of CPU while other goroutines compute, want less than a second", took)
	}
}
