package notify_test

import (
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/eventchan/eventchan/internal/handletest"
	"github.com/eventchan/eventchan/internal/word"
	"github.com/eventchan/eventchan/notify"
)

// A count that no word holds moves with Handle as any other.
func TestHandleMovesAnyCount(t *testing.T) {
	for _, count := range []uint64{1, word.Full, word.Full + 9, notify.MaxCount - 5} {
		n := mustNew(t)
		mustAdd(t, n, count)
		if !handletest.Signal(n.Handle(), 5) {
			t.Error("a signal through the handle came too late, want it in time")
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
		t.Error("a signal after Close: want it to come too late")
	}
}

// The word and the eventfd are one count, in whatever order they came to be.
func TestSignalThroughHandleReachesTheDescriptor(t *testing.T) {
	for name, outside := range map[string]func(*notify.Notifier) (unsafe.Pointer, int){
		"Handle first": func(n *notify.Notifier) (unsafe.Pointer, int) { h := n.Handle(); return h, n.FD() },
		"FD first":     func(n *notify.Notifier) (unsafe.Pointer, int) { fd := n.FD(); return n.Handle(), fd },
	} {
		t.Run(name, func(t *testing.T) {
			n := mustNew(t)
			h, fd := outside(n)
			for round := range uint64(50) { // each time the owner has to ask anew to be rung
				handletest.Signal(h, 100+round)
				if got := fetch(t, fd); got != 100+round {
					t.Fatalf("round %d: read %d, want %d", round, got, 100+round)
				}
			}
			handletest.Signal(h, 3)
			mustAdd(t, n, 4)
			wantCount(t, n, 7)
			if got, ok := n.TryWait(); got != 7 || !ok {
				t.Errorf("TryWait = %d, %v; want 7, true", got, ok)
			}
			arrivals := startWaiters(n, contexts(1))
			handletest.Signal(h, 8)
			if got := <-arrivals; got.count != 8 {
				t.Errorf("the waiter got %d, %v; want 8", got.count, got.err)
			}
			c := n.C()
			handletest.Signal(h, 9)
			if got := <-c; got != 9 {
				t.Errorf("C gave %d, want 9", got)
			}
		})
	}
}

// Who waits when the count moves is reached from there.
func TestMoveTakesThoseAlongWhoWait(t *testing.T) {
	for name, from := range map[string]func(*notify.Notifier){
		"Handle": func(n *notify.Notifier) { handletest.Signal(n.Handle(), 6) },
		"FD":     func(n *notify.Notifier) { mustWrite(t, n, 6) },
		"Handle and FD": func(n *notify.Notifier) {
			h := n.Handle()
			n.FD()
			handletest.Signal(h, 6)
		},
		"FD and Handle": func(n *notify.Notifier) { n.FD(); handletest.Signal(n.Handle(), 6) },
		"Handle and write": func(n *notify.Notifier) {
			n.Handle()
			mustWrite(t, n, 6)
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := mustNew(t)
			arrivals := startWaiters(n, contexts(1))
			from(n)
			if got := <-arrivals; got.count != 6 {
				t.Errorf("the waiter got %d, %v; want 6", got.count, got.err)
			}
			n = mustNew(t)
			c := n.C()
			from(n)
			if got := <-c; got != 6 {
				t.Errorf("C gave %d, want 6", got)
			}
		})
	}
}

// After a burst the consumer looks a number of times before he sleeps and has to be
// rung for. A signal that comes at the end of that is not lost.
func TestNoSignalIsLostWhenAStreamEnds(t *testing.T) {
	rounds := 4000
	if testing.Short() {
		rounds /= 4
	}
	for name, receiver := range map[string]func(*notify.Notifier) <-chan uint64{
		"C": (*notify.Notifier).C,
		"Wait": func(n *notify.Notifier) <-chan uint64 {
			counts := make(chan uint64, 2)
			for range 2 { // so that one waits on when the other is served
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
							t.Fatalf("round %d: received %d of %d, and %d, %v are left", round, got, count, left, err)
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

// A goroutine that looks for what C threads may bring takes nothing that belongs to
// who waits already.
func TestNobodyOvertakesWhileHeLooks(t *testing.T) {
	n := mustNew(t)
	h := n.Handle()
	second := make(chan uint64)
	rounds := 1000
	if testing.Short() {
		rounds /= 4
	}
	for round := range rounds {
		for _, burst := range []uint64{9, 9} { // which makes it worth to look
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
			t.Fatal("the second has overtaken the first")
		}
		handletest.Signal(h, 2)
		if got := <-second; got != 2 {
			t.Fatalf("the second got %d, want 2", got)
		}
	}
}
