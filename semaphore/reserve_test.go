package semaphore

import (
	"testing"
	"time"
)

// The instants at which C gives its permit back are the same in every process. The next one is
// at least 100 ms after the latest receive, and less than 200 ms after it.
func TestInstantsOfGivingBack(t *testing.T) {
	window := time.Unix(1000, 0)
	ms := time.Millisecond
	for _, c := range []struct{ now, received, want time.Duration }{
		{1 * ms, -500 * ms, 0},         // within a window
		{5 * ms, -500 * ms, 95 * ms},   // just after a window
		{99 * ms, -500 * ms, 1 * ms},   // just before a window
		{1 * ms, 1 * ms, 100 * ms},     // within the next window
		{1 * ms, 0, 99 * ms},           // at the next window
		{50 * ms, 50 * ms, 150 * ms},   // at the window after the next
		{120 * ms, 50 * ms, 80 * ms},   // the same window, some time later
		{-30 * ms, -150 * ms, 30 * ms}, // received long ago
	} {
		if got := untilAside(window.Add(c.now), window.Add(c.received)); got != c.want {
			t.Errorf("at %v, with the latest receive at %v: %v, want %v", c.now, c.received, got, c.want)
		}
	}
}

// A blind waiter polls while no C keeps a permit, from whatever moment on it sleeps.
func TestBlindWaiterPollsWhileNoCKeepsAPermit(t *testing.T) {
	for from := time.Duration(0); from < 2*idle; from += time.Millisecond / 8 {
		now := time.Unix(1000, 0).Add(from)
		sleep := untilLook(true, now)
		phase := time.Duration(now.Add(sleep).UnixNano() % int64(idle))
		if phase < aside/4 || phase >= aside || sleep <= 0 || sleep > idle+aside {
			t.Errorf("from %v it polls after %v, %v after C has given back", from, sleep, phase)
		}
	}
}
