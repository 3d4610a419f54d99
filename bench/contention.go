//go:build linux

package main

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// contention compares goroutines that compete for two permits all the time.
func contention(s settings) []comparison {
	var all []comparison
	crowd := func(g int, held string, work func(), targets ...target) {
		c := comparison{
			title: fmt.Sprintf("%d goroutines on 2 permits, %s", g, held), unit: "ns",
			count: int(s.budget / time.Microsecond), columns: []string{"least %"},
			rows: limiters(contended(g, 2, work)), targets: targets,
		}
		if held == atOnce {
			c.chart, c.x = "contended", float64(g)
		}
		all = append(all, c)
	}
	row, other := private.of(semaphoreObject), handle.of(semaphoreObject)
	bound := func(most float64) target { return times(most, row, weightedRow).making() }
	modes := times(1.05, row, other).making()
	nothing := func() {}
	crowd(2, atOnce, nothing, bound(0.95), modes)
	crowd(4, atOnce, nothing, bound(0.15), modes)
	crowd(8, atOnce, nothing, modes)
	crowd(16, atOnce, nothing, bound(0.15), times(0.5, row, channelRow).making(), bound(1).at(99.9), modes)
	crowd(32, atOnce, nothing, modes)
	crowd(64, atOnce, nothing, bound(0.5), bound(1.1).at(99.9), modes)
	crowd(256, atOnce, nothing, bound(1), modes)
	work := busy(2 * time.Microsecond)
	crowd(16, "held for 2 µs", work, bound(0.9), modes)
	crowd(64, "held for 2 µs", work)
	crowd(256, "held for 2 µs", work)
	crowd(16, "held over a Gosched", runtime.Gosched)
	return all
}

// atOnce is how long a permit is held where it is given back immediately.
const atOnce = "per pair"

// busy returns a function that computes for about d.
func busy(d time.Duration) func() {
	const sample = 100_000
	least := time.Duration(1 << 62)
	for range 20 {
		begin := time.Now()
		compute(sample)
		least = min(least, time.Since(begin))
	}
	n := int(d * sample / least)
	return func() { compute(n) }
}

// computed keeps the compiler from leaving compute out.
var computed atomic.Int64

func compute(n int) {
	x := 1
	for range n {
		x = x*1664525 + 1013904223
	}
	if x == 0 {
		computed.Add(1)
	}
}

// contended has g goroutines acquire and release, for n microseconds. The waits are how
// long it took to acquire.
func contended(g, permits int, work func()) func(func(int) (limiter, error)) func(int) (measurement, error) {
	return func(open func(int) (limiter, error)) func(int) (measurement, error) {
		return func(n int) (measurement, error) {
			l, err := open(permits)
			if err != nil {
				return measurement{}, err
			}
			defer l.stop()
			c := crowd{l: l, g: g, permits: permits, work: work}
			if err := c.check(64); err != nil {
				return measurement{}, err
			}
			m, err := c.run(time.Duration(n) * time.Microsecond)
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

	begin time.Time // of the first wait of each
	over  atomic.Bool
}

// all has each goroutine do f.
func (c *crowd) all(f func(i int)) *sync.WaitGroup {
	var wg sync.WaitGroup
	for i := range c.g {
		wg.Go(func() { f(i) })
	}
	return &wg
}

// check warms up and looks whether there are ever more holders than permits,
// which costs as much as some limiters and so is not done when time counts.
func (c *crowd) check(each int) error {
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
		return fmt.Errorf("more than %d permits were held, or none was free, %d times", c.permits, k)
	}
	return nil
}

// A share is what one goroutine has got.
type share struct {
	pairs int64
	err   error
	waits []int64
	_     [64]byte // no other goroutine writes to its cache line
}

// run begins with all goroutines in the queue. Whether one forms would be chance
// if all began to run, and where permits are handed over it then stays. All end at
// the same time: if each had a number of pairs to do, the crowd would get smaller, and
// one that is served in large pieces, goroutine by goroutine, would look good.
func (c *crowd) run(d time.Duration) (measurement, error) {
	for range c.permits {
		if err := c.l.acquire(); err != nil {
			return measurement{}, err
		}
	}
	var there atomic.Int64
	shares := make([]share, c.g)
	wg := c.all(func(i int) {
		shares[i].waits = make([]int64, 0, 1<<13)
		there.Add(1)
		c.pairs(i, &shares[i])
	})
	for there.Load() < int64(c.g) {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(time.Millisecond) // the last one goes to sleep
	watch := start()
	c.begin = watch.begin
	for range c.permits {
		c.l.release()
	}
	time.Sleep(d)
	c.over.Store(true)
	wg.Wait()
	return together(watch, shares)
}

// together puts together what all goroutines have got. The column is the share of the
// goroutine that got least, in percent of that of the one that got most.
func together(watch stopwatch, shares []share) (measurement, error) {
	var total, most int64
	least := shares[0].pairs
	for _, s := range shares {
		if s.err != nil {
			return measurement{}, s.err
		}
		total, least, most = total+s.pairs, min(least, s.pairs), max(most, s.pairs)
	}
	m := watch.stop(int(total))
	for _, s := range shares {
		m.waits = append(m.waits, s.waits...)
	}
	m.more = []float64{100 * float64(least) / float64(most)}
	return m, nil
}

// every how many waits one is timed, because two looks at the clock take longer than
// most waits. It is prime, so that it is not in step with the goroutines' turns.
const every = 13

// pairs acquires and releases until the time is over. The first wait counts like all
// others, because it began when the clock did.
func (c *crowd) pairs(i int, s *share) {
	for k := i; ; k++ {
		var begin time.Time
		clocked := k%every == 0
		if clocked {
			begin = time.Now()
		}
		if s.err = c.l.acquire(); s.err != nil {
			return
		}
		if clocked {
			if k == i {
				begin = c.begin
			}
			s.waits = append(s.waits, int64(time.Since(begin)))
		}
		s.pairs++
		c.work()
		c.l.release()
		if c.over.Load() {
			return
		}
	}
}
