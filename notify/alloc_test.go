package notify_test

import "testing"

// wantNoAllocs fails the test if f allocates.
func wantNoAllocs(t *testing.T, what string, f func()) {
	t.Helper()
	if got := testing.AllocsPerRun(1000, f); got != 0 {
		t.Errorf("%s allocates %v times, want none", what, got)
	}
}

func TestNonBlockingCallsDoNotAllocate(t *testing.T) {
	n := mustNew(t)
	wantNoAllocs(t, "Notify", func() { n.Notify() })
	wantNoAllocs(t, "Add", func() { n.Add(2) })
	wantNoAllocs(t, "TryWait", func() { n.TryWait() })
	wantNoAllocs(t, "Wait", func() { n.Notify(); n.Wait(background) })
	c := n.C()
	wantNoAllocs(t, "C", func() { n.Notify(); <-c })
}
