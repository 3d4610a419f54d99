//go:build linux

package main

import (
	"context"
	"fmt"

	"github.com/eventchan/eventchan/notify"
)

const (
	unbufferedRow = "unbuffered channel"
	bufferedRow   = "buffered channel, in a select"
	withContext   = "Notifier.Wait with a context"
)

// goroutines compares round trips between two goroutines, which need no
// descriptor to wake each other: each waits for the other's signal by turns.
func goroutines() []comparison {
	rows := []contestant{
		{unbufferedRow, meetings(newUnbuffered)},
		{bufferedRow, meetings(newSelected)},
		{private.of(waitCall), meetings(newWaited(private, context.Background()))},
		{private.of(withContext), meetings(newCancellable(private))},
		{private.of(selectCall), meetings(newReceived(private))},
		{handle.of(waitCall), meetings(newWaited(handle, context.Background()))},
		{viaFD.of(waitCall), meetings(newWaited(viaFD, context.Background()))},
	}
	const toChannel = 1.3
	targets := []target{
		times(toChannel, private.of(waitCall), unbufferedRow),
		times(toChannel, private.of(withContext), bufferedRow),
		times(toChannel, private.of(selectCall), bufferedRow),
	}
	return []comparison{
		{title: "Round trip between two goroutines, one CPU", unit: "ns", rows: rows, targets: targets, pinned: true},
		{title: "Round trip between two goroutines, all CPUs", unit: "ns", rows: rows, targets: targets},
	}
}

// A peer is how one goroutine of a round trip is woken, and how it waits.
type peer struct {
	ring func()
	wait func() (uint64, error) // sleeps, and returns how many signals came
	stop func()
}

// meetings makes a contestant of two peers, one for each goroutine.
func meetings(open func() (peer, error)) func(int) (measurement, error) {
	return func(n int) (measurement, error) {
		there, err := open()
		if err != nil {
			return measurement{}, err
		}
		defer there.stop()
		back, err := open()
		if err != nil {
			return measurement{}, err
		}
		defer back.stop()
		warm := n/10 + 1
		answered := make(chan error, 1)
		go func() { answered <- there.answer(back, warm+n) }()
		if err := back.call(there, warm); err != nil {
			return measurement{}, err
		}
		watch := start()
		if err := back.call(there, n); err != nil {
			return measurement{}, err
		}
		m := watch.stop(n)
		return m, <-answered
	}
}

// call rings and waits for the answer, n times.
func (p peer) call(there peer, n int) error {
	for range n {
		there.ring()
		if count, err := p.wait(); count != 1 {
			return fmt.Errorf("%d answers to one call: %w", count, err)
		}
	}
	return nil
}

// answer waits and rings back, n times.
func (p peer) answer(back peer, n int) error {
	for range n {
		if count, err := p.wait(); count != 1 {
			return fmt.Errorf("%d calls together: %w", count, err)
		}
		back.ring()
	}
	return nil
}

func newUnbuffered() (peer, error) {
	c := make(chan uint64)
	return peer{
		ring: func() { c <- 1 },
		wait: func() (uint64, error) { return <-c, nil },
		stop: func() {},
	}, nil
}

func newSelected() (peer, error) {
	c := make(chan uint64, 1)
	return peer{ring: func() { c <- 1 }, wait: selecting(c), stop: func() {}}, nil
}

func newWaited(m mode, ctx context.Context) func() (peer, error) {
	return peerOf(m, func(n *notify.Notifier) func() (uint64, error) {
		return func() (uint64, error) { return n.Wait(ctx) }
	})
}

func newReceived(m mode) func() (peer, error) {
	return peerOf(m, func(n *notify.Notifier) func() (uint64, error) { return selecting(n.C()) })
}

func newCancellable(m mode) func() (peer, error) {
	return func() (peer, error) {
		ctx, cancel := context.WithCancel(context.Background())
		p, err := newWaited(m, ctx)()
		if err != nil {
			cancel()
			return p, err
		}
		closed := p.stop
		p.stop = func() { cancel(); closed() }
		return p, nil
	}
}

func peerOf(m mode, wait func(*notify.Notifier) func() (uint64, error)) func() (peer, error) {
	return func() (peer, error) {
		n, _, err := m.notifier()
		if err != nil {
			return peer{}, err
		}
		return peer{
			ring: func() {
				if err := n.Notify(); err != nil {
					panic(err)
				}
			},
			wait: wait(n),
			stop: func() { n.Close() },
		}, nil
	}
}
