//go:build linux

package main

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// contention compares goroutines that want one of two permits all the time.
func contention() []comparison {
	const permits, crowded = 2, 16
	var all []comparison
	for _, g := range []int{2, 4, 8, 16, 32, 64} {
		c := comparison{
			title: fmt.Sprintf("%d goroutines on %d permits, a pair", g, permits), unit: "ns",
			chart: "contended", x: float64(g), rows: limiters(contended(g, permits, func() {})),
		}
		if g == crowded {
			row := private.of(semaphoreObject)
			c.targets = []target{
				times(0.3, row, weightedRow), times(0.5, row, channelRow), times(2, row, weightedRow).at(99.9),
			}
		}
		all = append(all, c)
	}
	return append(all, comparison{
		title: fmt.Sprintf("%d goroutines on %d permits, held over a Gosched", crowded, permits), unit: "ns",
		rows: limiters(contended(crowded, permits, runtime.Gosched)),
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
			c := crowd{l, g, permits, work}
			if err := c.check(max(1, n/g/10)); err != nil {
				return measurement{}, err
			}
			m, err := c.run(max(2, n/g))
			if err != nil {
				return m, err
			}
			return m, conserved(uint64(permits), uint64(l.free()))
		}
	}
}

// A crowd is g goroutines on one limiter.
type crowd struct {
	l          limiter
	g, permits int
	work       func()
}

// all has each goroutine do f.
func (c crowd) all(f func(i int)) *sync.WaitGroup {
	var wg sync.WaitGroup
	for i := range c.g {
		wg.Go(func() { f(i) })
	}
	return &wg
}

// check warms up and looks whether there are ever more holders than permits,
// which costs as much as some limiters and so is not done when time counts.
func (c crowd) check(each int) error {
	var held, broken atomic.Int64
	c.all(func(int) {
		for range each {
			if err := c.l.acquire(); err != nil || held.Add(1) > int64(c.permits) {
				broken.Add(1)
			}
			c.work()
			held.Add(-1)
			c.l.release()
		}
	}).Wait()
	if k := broken.Load(); k > 0 {
		return fmt.Errorf("more than %d permits were held, or none was to be had, %d times", c.permits, k)
	}
	return nil
}

// run begins with all goroutines in the queue. Whether one forms would be chance
// if they all came running, and where permits are handed over it then stays.
func (c crowd) run(each int) (measurement, error) {
	for range c.permits {
		if err := c.l.acquire(); err != nil {
			return measurement{}, err
		}
	}
	var failed, there atomic.Int64
	waits := make([][]int64, c.g)
	wg := c.all(func(i int) {
		waits[i] = make([]int64, 0, each/every+1)
		there.Add(1)
		if c.pairs(each, &waits[i]) != nil {
			failed.Add(1)
		}
	})
	for there.Load() < int64(c.g) {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(time.Millisecond) // the last one goes to sleep
	watch := start()
	for range c.permits {
		c.l.release()
	}
	wg.Wait()
	m := watch.stop(c.g * each)
	for _, w := range waits {
		m.waits = append(m.waits, w...)
	}
	if k := failed.Load(); k > 0 {
		return m, fmt.Errorf("%d goroutines got no permit", k)
	}
	return m, nil
}

// every how many waits one is timed, as two looks at the clock take longer than
// most waits. It is prime, lest it be in step with whose turn it is.
const every = 13

// pairs acquires and releases. The first wait is not timed: it began before all
// were there.
func (c crowd) pairs(each int, waits *[]int64) error {
	for k := range each {
		var begin time.Time
		clocked := k%every == 1
		if clocked {
			begin = time.Now()
		}
		if err := c.l.acquire(); err != nil {
			return err
		}
		if clocked {
			*waits = append(*waits, int64(time.Since(begin)))
		}
		c.work()
		c.l.release()
	}
	return nil
}
