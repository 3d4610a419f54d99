package doorbell_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/doorbell"
	"github.com/eventchan/eventchan/internal/testing/hammer"
)

// A consumer polls only after a burst, and less each time that it finds nothing.
func TestPatienceIsLearned(t *testing.T) {
	var p doorbell.Patience
	calls := 0
	count := func() bool { calls++; return false }
	if p.Learn(1); p.Again(count) || calls != 0 {
		t.Errorf("%d looks after signals that came one by one, want 0", calls)
	}
	// If the machine is busy for a moment, the process does not look at all.
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
		t.Errorf("%d looks after many that found nothing, want 0", calls-before)
	}
	hammer.Eventually(t, func() string { return "Again = false, though there is something" }, func() bool {
		p.Learn(2)
		return p.Again(func() bool { return true })
	})
}

// forLong waits longer than a consumer goes without sleeping.
func forLong() {
	for end := time.Now().Add(2 * doorbell.MostAwake); time.Now().Before(end); {
		runtime.Gosched()
	}
}

// In a stream that never ends a consumer sleeps now and then, and polls again after
// that: only the time since it last slept counts.
func TestConsumerSleepsNowAndThen(t *testing.T) {
	found := func() bool { return true }
	var p doorbell.Patience
	again := func(want bool, what string) {
		t.Helper()
		hammer.Eventually(t, func() string { return what }, func() bool { p.Learn(2); return p.Again(found) == want })
	}
	for range 3 {
		again(true, "no look after a burst")
		again(false, "the consumer never sleeps")
		again(true, "no look after a sleep")
		hammer.Eventually(t, func() string { return "no look after a sleep that was long" }, func() bool {
			p.Learn(2)
			p.Again(func() bool { return false }) // after which it sleeps
			forLong()
			p.Learn(2)
			return p.Again(found)
		})
	}
}
