package semaphore_test

import "testing"

// wantNoAllocs fails the test if f allocates.
func wantNoAllocs(t *testing.T, what string, f func()) {
	t.Helper()
	if got := testing.AllocsPerRun(1000, f); got != 0 {
		t.Errorf("%s allocates %v times, want none", what, got)
	}
}

func TestNonBlockingCallsDoNotAllocate(t *testing.T) {
	s := mustNew(t, 1)
	for _, n := range []int64{1, 5} {
		wantNoAllocs(t, "Release and TryAcquire", func() { s.Release(n); s.TryAcquire(n) })
		wantNoAllocs(t, "Release and Acquire", func() { s.Release(n); s.Acquire(background, n) })
	}
	wantNoAllocs(t, "TryAcquire that fails", func() { s.TryAcquire(7) })
}
