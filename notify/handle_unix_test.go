//go:build unix && !mips && !mipsle && (!arm || arm.7)

package notify_test

import (
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/eventchan/eventchan/internal/testing/handletest"
	"github.com/eventchan/eventchan/internal/word"
	"github.com/eventchan/eventchan/notify"
)

// Handle moves any count, even one that is too large for a state word.
func TestHandleMovesAnyCount(t *testing.T) {
	for _, count := range []uint64{1, word.Full, word.Full + 9, notify.MaxCount - 5} {
		n := mustNew(t)
		mustAdd(t, n, count)
		if !handletest.Signal(n.Handle(), 5) {
			t.Error("a signal through the handle came too late")
		}
		wantCount(t, n, count+5)
		wantWait(t, n, count+5)
	}
}

func TestHandleIsTheSameEachTimeAndNilAfterClose(t *testing.T) {
	n := mustNew(t)
	h := n.Handle()
	if h == nil {
		t.Fatal("Handle = nil")
	}
	n.FD()
	n.C()
	if got := n.Handle(); got != h {
		t.Errorf("Handle = %p, want %p as before", got, h)
	}
	n.Close()
	if got := n.Handle(); got != nil {
		t.Errorf("Handle = %p after Close, want nil", got)
	}
	if handletest.Signal(h, 1) {
		t.Error("a signal after Close came in time")
	}
}

// After a burst the consumer polls a number of times before it sleeps, when signalers must ring the
// doorbell. A signal that comes just then is not lost.
func TestNoSignalIsLostWhenAStreamEnds(t *testing.T) {
	rounds := 4000
	if testing.Short() {
		rounds /= 4
	}
	for name, receiver := range map[string]func(*notify.Notifier) <-chan uint64{
		"C": (*notify.Notifier).C,
		"Wait": func(n *notify.Notifier) <-chan uint64 {
			counts := make(chan uint64, 2)
			for range 2 { // so that one keeps waiting when the other is served
				go func() {
					for {
						count, err := n.Wait(background)
						if err != nil {
							return
						}
						counts <- count
					}
				}()
			}
			return counts
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := mustNew(t)
			h, counts := n.Handle(), receiver(n)
			for round := range rounds {
				for _, count := range []uint64{5, 1} {
					handletest.Signal(h, count)
					for got := uint64(0); got < count; {
						select {
						case more := <-counts:
							got += more
						case <-time.After(30 * time.Second):
							left, err := n.Count()
							t.Fatalf("round %d: received %d of %d, and Count = %d, %v", round, got, count, left, err)
						}
					}
					for range round % 100 {
						runtime.Gosched()
					}
				}
			}
		})
	}
}

// A goroutine that polls because C threads might signal does not take a count that belongs to a goroutine
// that is already waiting.
func TestPollingDoesNotOvertake(t *testing.T) {
	n := mustNew(t)
	h := n.Handle()
	second := make(chan uint64)
	rounds := 1000
	if testing.Short() {
		rounds /= 4
	}
	for round := range rounds {
		for _, burst := range []uint64{9, 9} { // after which polling is worthwhile
			arrivals := startWaiters(n, contexts(1))
			handletest.Signal(h, burst)
			<-arrivals
		}
		first := startWaiters(n, contexts(1))
		go func() {
			count, _ := n.Wait(background)
			second <- count
		}()
		for range round % 16 {
			runtime.Gosched()
		}
		handletest.Signal(h, 1)
		select {
		case got := <-first:
			if got.count != 1 {
				t.Fatalf("the waiter got %d, %v; want 1", got.count, got.err)
			}
		case <-second:
			t.Fatal("the second waiter has overtaken the first")
		}
		handletest.Signal(h, 2)
		if got := <-second; got != 2 {
			t.Fatalf("the second waiter got %d, want 2", got)
		}
	}
}

// startLibrary does what a C library would do in ExampleNotifier_Handle.
func startLibrary(handle unsafe.Pointer) { go handletest.Signal(handle, 3) }
