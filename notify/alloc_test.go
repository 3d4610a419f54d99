package notify_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/eventchan/eventchan/notify"
)

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
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	ctx.Done() // allocates the first time
	wantNoAllocs(t, "Wait with a context", func() { n.Notify(); n.Wait(ctx) })
	c := n.C()
	wantNoAllocs(t, "C", func() { n.Notify(); <-c })
}

// A goroutine that waits while no other does uses the same place each time.
func TestSleepDoesNotAllocate(t *testing.T) {
	n, answers := mustNew(t), make(chan uint64)
	go func() {
		defer close(answers)
		for {
			count, err := n.Wait(background)
			if err != nil {
				return
			}
			answers <- count
		}
	}()
	wantNoAllocs(t, "Wait that sleeps", func() {
		for notify.Waiting(n) == 0 {
			runtime.Gosched()
		}
		n.Notify()
		<-answers
	})
	n.Close()
	<-answers
}
