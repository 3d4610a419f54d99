package bridge_test

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
)

// A Wait that goes to sleep does not allocate if its ctx can never be canceled.
func TestSetWaitThatSleepsDoesNotAllocate(t *testing.T) {
	s := mustSet[string](t)
	p := newTube(t)
	mustAddTo(t, s, p.r, bridge.Readable, "a")
	out, in := make([]byte, 1), make([]byte, 1) // not made by p's methods, in which -race has them allocated
	rounds := make(chan struct{})
	defer close(rounds)
	go func() {
		for range rounds {
			for leading := false; !leading; leading, _ = bridge.Sleeping(s) {
				runtime.Gosched()
			}
			unix.Write(p.w, out)
		}
	}()
	dst := make([]event, 1)
	if got := testing.AllocsPerRun(100, func() {
		rounds <- struct{}{}
		if n, err := s.Wait(background, dst); n != 1 || err != nil {
			t.Errorf("Wait = %d, %v", n, err)
		}
		unix.Read(p.r, in)
	}); got != 0 {
		t.Errorf("Wait allocates %v times when it sleeps, want none", got)
	}
}

// What a Wait has returned is the Set's no longer: neither its dst nor its ctx is kept, and
// later Waits, with other ones, fill their own.
func TestSetWaitsOneAfterTheOther(t *testing.T) {
	s := mustSet[string](t)
	a, b := newTube(t), newTube(t)
	mustAddTo(t, s, a.r, bridge.Readable, "a")
	mustAddTo(t, s, b.r, bridge.Readable, "b")
	for range 100 {
		first := waitFor(t, s, t.Context())
		untilWaiting(t, s, 0)
		a.write(t)
		if got, want := <-first, "[{a Readable}] <nil>"; got != want {
			t.Errorf("the first Wait = %s, want %s", got, want)
		}
		a.read(t)
		second := waitFor(t, s, background)
		untilWaiting(t, s, 0)
		b.write(t)
		if got, want := <-second, "[{b Readable}] <nil>"; got != want {
			t.Errorf("the second Wait = %s, want %s", got, want)
		}
		b.read(t)
	}
}
