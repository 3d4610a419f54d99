//go:build linux

package main

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bench/internal/cpeer"
	shared "github.com/eventchan/eventchan/semaphore"
)

const weightedRow = "golang.org/x/sync/semaphore"

// A limiter is a semaphore of some kind.
type limiter struct {
	acquire func() error
	release func()
	stop    func()
}

func newShared(permits int) (limiter, error) {
	s, err := shared.New(int64(permits))
	if err != nil {
		return limiter{}, err
	}
	s.FD()
	ctx := context.Background()
	return limiter{
		acquire: func() error { return s.Acquire(ctx, 1) },
		release: func() { s.Release(1) },
		stop:    func() { s.Close() },
	}, nil
}

func newWeighted(permits int) (limiter, error) {
	s := semaphore.NewWeighted(int64(permits))
	ctx := context.Background()
	return limiter{
		acquire: func() error { return s.Acquire(ctx, 1) },
		release: func() { s.Release(1) },
		stop:    func() {},
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
		stop:    func() {},
	}, nil
}

// limiters are the contestants, x/sync first.
func limiters(round func(open func(permits int) (limiter, error)) func(int) (measurement, error)) []contestant {
	return []contestant{
		{weightedRow, round(newWeighted)},
		{"Semaphore", round(newShared)},
		{"buffered channel, in a select", round(newBuffered)},
	}
}

// pairs compares an acquire and a release while nobody else wants a permit.
func pairs() []comparison {
	c := comparison{title: "Acquire and release, no contention", unit: "ns", rows: limiters(uncontended)}
	c.rows = append(c.rows, contestant{"write(2) and read(2) in C", pairsInC})
	return []comparison{c}
}

func uncontended(open func(int) (limiter, error)) func(int) (measurement, error) {
	return func(n int) (measurement, error) {
		l, err := open(2)
		if err != nil {
			return measurement{}, err
		}
		defer l.stop()
		return timed(n, func(n int) {
			for range n {
				if err := l.acquire(); err != nil {
					panic(err)
				}
				l.release()
			}
		}), nil
	}
}

func pairsInC(n int) (measurement, error) {
	fd, err := newEventfd(unix.EFD_NONBLOCK | unix.EFD_SEMAPHORE)
	if err != nil {
		return measurement{}, err
	}
	defer unix.Close(fd)
	ns, err := cpeer.Pairs(fd, n)
	return measurement{value: float64(ns) / float64(n)}, err
}

// contention compares goroutines that want one of two permits all the time.
func contention() []comparison {
	const permits = 2
	var all []comparison
	for _, g := range []int{2, 4, 8, 16, 32, 64} {
		all = append(all, comparison{
			title: fmt.Sprintf("%d goroutines on %d permits, a pair", g, permits), unit: "ns",
			chart: "contended", x: float64(g), rows: limiters(contended(g, permits, func() {})),
		})
	}
	return append(all, comparison{
		title: fmt.Sprintf("16 goroutines on %d permits, held over a Gosched", permits), unit: "ns",
		rows: limiters(contended(16, permits, runtime.Gosched)),
	})
}

// contended has g goroutines acquire and release, n times in all. The waits are
// how long it took to acquire.
func contended(g, permits int, work func()) func(func(int) (limiter, error)) func(int) (measurement, error) {
	return func(open func(int) (limiter, error)) func(int) (measurement, error) {
		return func(n int) (measurement, error) {
			l, err := open(permits)
			if err != nil {
				return measurement{}, err
			}
			defer l.stop()
			return crowd{l: l, permits: permits, work: work}.run(g, max(1, n/g))
		}
	}
}

// A crowd is a number of goroutines on one limiter.
type crowd struct {
	l       limiter
	permits int
	work    func()
}

func (c crowd) run(g, each int) (measurement, error) {
	var held, broken atomic.Int64
	var wg sync.WaitGroup
	begin := time.Now()
	waits := make([][]int64, g)
	for i := range waits {
		waits[i] = make([]int64, each)
		wg.Go(func() { c.one(waits[i], &held, &broken) })
	}
	wg.Wait()
	m := since(begin, g*each)
	for _, w := range waits {
		m.waits = append(m.waits, w...)
	}
	if k := broken.Load(); k > 0 {
		return m, fmt.Errorf("more than %d permits were held, or none was to be had, %d times", c.permits, k)
	}
	return m, nil
}

func (c crowd) one(waits []int64, held, broken *atomic.Int64) {
	for i := range waits {
		begin := time.Now()
		err := c.l.acquire()
		waits[i] = int64(time.Since(begin))
		if err != nil || held.Add(1) > int64(c.permits) {
			broken.Add(1)
		}
		c.work()
		held.Add(-1)
		c.l.release()
	}
}
