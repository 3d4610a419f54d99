//go:build linux

package main

import (
	"context"
	"slices"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bench/internal/cpeer"
	eventchan "github.com/eventchan/eventchan/semaphore"
)

const (
	weightedRow     = "golang.org/x/sync/semaphore"
	channelRow      = "buffered channel, in a select"
	semaphoreObject = "Semaphore"
	sizedRow        = "Semaphore of NewWeighted, private"
)

// A limiter is a semaphore of some kind.
type limiter struct {
	acquire func() error
	release func()
	free    func() int // how many permits are free; called once, at the end
	stop    func()
}

func newShared(m mode) func(permits int) (limiter, error) {
	return func(permits int) (limiter, error) {
		s, err := m.semaphore(int64(permits))
		if err != nil {
			return limiter{}, err
		}
		return shared(s), nil
	}
}

func newSized(permits int) (limiter, error) {
	return shared(eventchan.NewWeighted(int64(permits))), nil
}

func shared(s *eventchan.Semaphore) limiter {
	ctx := context.Background()
	return limiter{
		acquire: func() error { return s.Acquire(ctx, 1) },
		release: func() { s.Release(1) },
		free:    func() int { count, _ := s.Count(); return int(count) },
		stop:    func() { s.Close() },
	}
}

func newWeighted(permits int) (limiter, error) {
	s := semaphore.NewWeighted(int64(permits))
	ctx := context.Background()
	return limiter{
		acquire: func() error { return s.Acquire(ctx, 1) },
		release: func() { s.Release(1) },
		free: func() (n int) {
			for s.TryAcquire(1) {
				n++
			}
			return n
		},
		stop: func() {},
	}, nil
}

func newBuffered(permits int) (limiter, error) {
	c, done := make(chan struct{}, permits), make(chan struct{})
	return limiter{
		acquire: func() error {
			select {
			case c <- struct{}{}:
				return nil
			case <-done:
				return context.Canceled
			}
		},
		release: func() { <-c },
		free:    func() int { return cap(c) - len(c) },
		stop:    func() {},
	}, nil
}

// limiters are the contestants, x/sync first.
func limiters(round func(open func(permits int) (limiter, error)) func(int) (measurement, error)) []contestant {
	return slices.Concat(
		[]contestant{{weightedRow, round(newWeighted)}, {channelRow, round(newBuffered)}},
		inModes(semaphoreObject, func(m mode) func(int) (measurement, error) { return round(newShared(m)) }))
}

// pairs compares an acquire and a release while no other goroutine wants a permit.
func pairs() []comparison {
	const cRow = "write(2) and read(2) in C"
	return []comparison{{
		title: "Acquire and release, no contention", unit: "ns",
		rows: append(limiters(uncontended), contestant{sizedRow, uncontended(newSized)}, contestant{cRow, pairsInC}),
		targets: []target{
			times(0.6, private.of(semaphoreObject), weightedRow), times(0.6, private.of(semaphoreObject), channelRow),
			beyond(1, sizedRow, private.of(semaphoreObject)), times(1.1, viaFD.of(semaphoreObject), cRow),
		},
	}}
}

func uncontended(open func(int) (limiter, error)) func(int) (measurement, error) {
	return func(n int) (measurement, error) {
		const permits = 2
		l, err := open(permits)
		if err != nil {
			return measurement{}, err
		}
		defer l.stop()
		m := timed(n, func(n int) {
			for range n {
				if err := l.acquire(); err != nil {
					panic(err)
				}
				l.release()
			}
		})
		return m, conserved(permits, uint64(l.free()))
	}
}

func pairsInC(n int) (measurement, error) {
	fd, err := newEventfd(unix.EFD_NONBLOCK | unix.EFD_SEMAPHORE)
	if err != nil {
		return measurement{}, err
	}
	defer unix.Close(fd)
	ns, err := cpeer.Pairs(fd, n)
	return measurement{value: float64(ns) / float64(n), allocs: -1}, err
}
