package doorbell_test

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/doorbell"
	"github.com/eventchan/eventchan/internal/hammer"
)

func never() bool { return false }

// A consumer looks only after a burst, and less each time that it was not worth it.
func TestPatienceIsLearned(t *testing.T) {
	var p doorbell.Patience
	calls := 0
	count := func() bool { calls++; return false }
	if p.Learn(1); p.Again(count) || calls != 0 {
		t.Errorf("%d looks after signals that came one by one, want 0", calls)
	}
	// A machine that is busy for a moment keeps the process from looking at all.
	hammer.Eventually(t, func() string { return "no look after a burst" }, func() bool {
		p.Learn(2)
		p.Again(count)
		return calls > 0
	})
	for range 20 {
		p.Again(count)
	}
	before := calls
	if p.Again(count); calls != before {
		t.Errorf("%d looks after so many that found nothing, want 0", calls-before)
	}
	hammer.Eventually(t, func() string { return "Again = false, though there is something" }, func() bool {
		p.Learn(2)
		return p.Again(func() bool { return true })
	})
}

// While other goroutines compute on the only processor, a turn takes many
// milliseconds. A consumer that wants to sleep has one such turn, not 64.
func TestBusyProcessHasNoTimeToLook(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var stop atomic.Bool
	defer stop.Store(true)
	for range 4 {
		go func() {
			for !stop.Load() {
			}
		}()
	}
	var p doorbell.Patience
	begin := time.Now()
	for range 5 {
		p.Learn(9)
		p.Again(never)
	}
	if took := time.Since(begin); took > time.Second {
		t.Errorf("looking five times took %v beside goroutines that compute, want less than a second", took)
	}
}
