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

// C that gives its permit back late stays away until the end of the next instant, when all others are away.
func TestLateCStaysAwayUntilOthersHaveGivenBack(t *testing.T) {
	window := time.Unix(1000, 0)
	for _, late := range []time.Duration{0, aside - 1, aside, idle / 2, idle - 1} {
		back := window.Add(late + untilBack(window.Add(late)))
		want := window.Add(late + aside)
		if late >= aside {
			want = window.Add(idle + aside)
		}
		if !back.Equal(want) {
			t.Errorf("C that gives back %v late comes back after %v, want %v", late, back.Sub(window), want.Sub(window))
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

// Waiters that are not the first ones poll so rarely that all together keep no processor busy.
func TestWaitersBehindTheFirstPollRarely(t *testing.T) {
	for n := 1; n <= 2048; n++ {
		sleep := untilFirst(n)
		if perSecond := float64(n) / sleep.Seconds(); sleep < recheck || perSecond > 1000 {
			t.Errorf("each of %d waiters sleeps for %v, so they poll %.0f times a second", n, sleep, perSecond)
		}
	}
	if sleep := untilFirst(1 << 30); sleep > 10*time.Second {
		t.Errorf("each of very many waiters sleeps for %v, want at most 10 s", sleep)
	}
	s, err := New(0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var places [1000]place
	s.count.LockShut()
	for i := range places {
		places[i].Value.permits = 2
		s.queue(&places[i])
	}
	s.count.UnlockShut()
	if sleep := s.look(&places[1]); sleep < 10*recheck {
		t.Errorf("the second of 1,000 waiters sleeps for %v, want at least %v", sleep, 10*recheck)
	}
	if sleep := s.look(&places[0]); sleep != recheck {
		t.Errorf("the first of 1,000 waiters sleeps for %v, want %v", sleep, recheck)
	}
	s.count.LockShut()
	for i := range places {
		s.unqueue(&places[i])
	}
	s.count.UnlockShut()
}
