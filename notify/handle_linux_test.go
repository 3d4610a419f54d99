package notify_test

import (
	"testing"
	"unsafe"

	"github.com/eventchan/eventchan/internal/testing/handletest"
	"github.com/eventchan/eventchan/notify"
)

// The state word and the eventfd act as one count, whichever of the two is made first.
func TestSignalThroughHandleReachesTheDescriptor(t *testing.T) {
	for name, share := range map[string]func(*notify.Notifier) (unsafe.Pointer, int){
		"Handle first": func(n *notify.Notifier) (unsafe.Pointer, int) { h := n.Handle(); return h, n.FD() },
		"FD first":     func(n *notify.Notifier) (unsafe.Pointer, int) { fd := n.FD(); return n.Handle(), fd },
	} {
		t.Run(name, func(t *testing.T) {
			n := mustNew(t)
			h, fd := share(n)
			for round := range uint64(50) { // each time the owner must set Ring again
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

// A goroutine that is waiting when the count moves gets signals from the new place.
func TestWaitersFollowAMove(t *testing.T) {
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
