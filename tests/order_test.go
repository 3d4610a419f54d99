//go:build linux

package tests

import (
	"testing"

	"github.com/eventchan/eventchan/notify"
	"github.com/eventchan/eventchan/semaphore"
)

// These tests pass a plain variable back and forth, directly and through two objects on one
// eventfd. They fail under the race detector if it does not see that a signal happens before its
// receipt.

func TestNotifyHappensBeforeReceipt(t *testing.T) {
	receipts := map[string]func(*notify.Notifier){
		"Wait": func(n *notify.Notifier) { wantWaited(t, n, 1) },
		"C":    func(n *notify.Notifier) { receive(t, n.C()) },
		"TryWait": func(n *notify.Notifier) {
			eventually(t, "a signal", func() bool { _, ok := n.TryWait(); return ok })
		},
	}
	for name, receipt := range receipts {
		t.Run(name, func(t *testing.T) {
			ping, pong := newNotifier(t), newNotifier(t)
			handToAndFro(t, func() { mustAdd(t, ping, 1) }, func() { receipt(ping) },
				func() { mustAdd(t, pong, 1) }, func() { receipt(pong) })
		})
		t.Run(name+"OnDuplicate", func(t *testing.T) {
			ping, pong := newNotifier(t), newNotifier(t)
			pingToo, pongToo := twin(t, ping), twin(t, pong)
			handToAndFro(t, func() { mustAdd(t, ping, 1) }, func() { receipt(pingToo) },
				func() { mustAdd(t, pong, 1) }, func() { receipt(pongToo) })
		})
	}
}

func TestReleaseHappensBeforeAcquire(t *testing.T) {
	acquires := map[string]func(*semaphore.Semaphore){
		"Acquire": func(s *semaphore.Semaphore) {
			if err := s.Acquire(soon(t), 1); err != nil {
				t.Error(err)
			}
		},
		"C":          func(s *semaphore.Semaphore) { receive(t, s.C()) },
		"TryAcquire": func(s *semaphore.Semaphore) { eventually(t, "a permit", func() bool { return s.TryAcquire(1) }) },
	}
	for name, acquire := range acquires {
		t.Run(name, func(t *testing.T) {
			ping, pong := newSemaphore(t, 0), newSemaphore(t, 0)
			handToAndFro(t, func() { ping.Release(1) }, func() { acquire(ping) },
				func() { pong.Release(1) }, func() { acquire(pong) })
		})
		t.Run(name+"OnDuplicate", func(t *testing.T) {
			ping, pong := newSemaphore(t, 0), newSemaphore(t, 0)
			pingToo, pongToo := twinSemaphore(t, ping), twinSemaphore(t, pong)
			handToAndFro(t, func() { ping.Release(1) }, func() { acquire(pingToo) },
				func() { pong.Release(1) }, func() { acquire(pongToo) })
		})
	}
}

func handToAndFro(t *testing.T, ping, awaitPing, pong, awaitPong func()) {
	t.Helper()
	const rounds = 50
	shared := 0
	other := inBackground(func() error {
		for range rounds {
			awaitPing()
			shared++
			pong()
		}
		return nil
	})
	for range rounds {
		shared++
		ping()
		awaitPong()
	}
	receive(t, other)
	if want := 2 * rounds; shared != want {
		t.Errorf("got %d, want %d", shared, want)
	}
}
