//go:build linux

package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/eventchan/eventchan/bench/internal/cpeer"
)

// A C thread calls back at the pace of an audio server with blocks of 64 frames at
// 192 kHz.
const period = time.Second / 3000

// realTime compares how long a periodic callback keeps a thread that has deadlines.
// The value is the longest callback of a round.
func realTime(s settings) []comparison {
	var all []comparison
	for _, beside := range []struct {
		name    string
		garbage int // goroutines
	}{
		{" beside garbage", runtime.GOMAXPROCS(0)},
		{", idle program", 0},
	} {
		for _, policy := range []struct {
			name string
			fifo bool
		}{{"SCHED_FIFO", true}, {"SCHED_OTHER", false}} {
			all = append(all, comparison{
				title: fmt.Sprintf("Real-time callback%s, %s, longest", beside.name, policy.name), unit: "ns",
				rows:    blockRows(policy.fifo, beside.garbage),
				columns: []string{"missed %", "blocks %"},
				count:   s.periods,
			})
		}
	}
	all[0].chart = "realtime"
	// A handle needs a hundredth of it; the rest is for a machine that others use too.
	all[0].targets = []target{
		times(0.05, handle.of(inletRow), callbackRow), times(0.05, queueCRow, callbackRow),
	}
	return all
}

// blockRows lists the ways from the callback to a select in Go.
func blockRows(fifo bool, garbage int) []contestant {
	rows := []struct {
		name string
		open func() (blockWay, error)
	}{
		{callbackRow, blocksByCallback}, {handle.of(inletRow), blocksBySignal}, {queueCRow, blocksByQueue},
	}
	contestants := make([]contestant, len(rows))
	for i, r := range rows {
		contestants[i] = contestant{r.name, func(n int) (measurement, error) {
			way, err := r.open()
			if err != nil {
				return measurement{}, err
			}
			defer way.stop()
			return way.measure(fifo, garbage, n)
		}}
	}
	return contestants
}

// A blockWay is a way from a periodic callback to a select in Go. It has one of the
// two channels.
type blockWay struct {
	handle  unsafe.Pointer // to signal; nil: send through route
	route   cpeer.Route
	signals <-chan uint64
	blocks  <-chan value256
	stop    func()
}

func blocksByCallback() (blockWay, error) {
	c := make(chan value256, room)
	cpeer.SetValueCallee(func(v unsafe.Pointer) { c <- *(*value256)(v) })
	return blockWay{route: cpeer.ValueCallback, blocks: c, stop: func() {}}, nil
}

func blocksBySignal() (blockWay, error) {
	n, line, err := handle.notifier()
	if err != nil {
		return blockWay{}, err
	}
	return blockWay{handle: line.Handle, route: cpeer.Route{FD: -1}, signals: n.C(), stop: func() { n.Close() }}, nil
}

func blocksByQueue() (blockWay, error) {
	q, h, err := newQueue[value256](room)
	if err != nil {
		return blockWay{}, err
	}
	return blockWay{route: cpeer.Route{Queue: h, FD: -1}, blocks: q.C(), stop: func() { q.Close() }}, nil
}

// measure lets a C thread call back for n periods, which there must be room for, while
// a number of goroutines make garbage. It returns an error unless this goroutine has
// received the block of every callback, in order.
func (w blockWay) measure(fifo bool, garbage, n int) (measurement, error) {
	defer makeGarbage(garbage)()
	thread, err := cpeer.StartPeriodic(w.handle, w.route, fifo, period, n)
	if err != nil {
		return measurement{}, err
	}
	var (
		ns     []int64
		missed int
		ended  = make(chan struct{})
	)
	go func() {
		ns, missed, err = thread.Join()
		close(ended)
	}()
	var (
		l    ledger[value256]
		sent = uint64(n) // at most, and exactly once the thread has ended
		late <-chan time.Time
	)
	for ended != nil || l.received < sent {
		select {
		case k := <-w.signals:
			l.received += k
		case b := <-w.blocks:
			l.enter(&b)
		case <-ended:
			if err != nil {
				return measurement{}, err
			}
			sent, ended, late = uint64(len(ns)), nil, time.After(10*time.Second)
		case <-late:
			return measurement{}, conserved(sent, l.received)
		}
	}
	if l.wrong > 0 {
		return measurement{}, fmt.Errorf("%d blocks were out of order or damaged", l.wrong)
	}
	return measurement{
		value: float64(slices.Max(ns)), allocs: -1, waits: ns,
		more: []float64{percent(missed, n), percent(len(ns), n)},
	}, conserved(sent, l.received)
}

func percent(part, whole int) float64 { return 100 * float64(part) / float64(whole) }

// live keeps some of the garbage alive, which the collector then has to mark.
var live atomic.Pointer[[][]byte]

// makeGarbage starts goroutines that allocate as fast as they can, with the collector
// on, until the function that it returns is called.
func makeGarbage(goroutines int) (stop func()) {
	const pieces, pieceSize = 2000, 1000
	var stopped atomic.Bool
	var running sync.WaitGroup
	before := debug.SetGCPercent(100)
	for range goroutines {
		running.Go(func() {
			for !stopped.Load() {
				s := make([][]byte, pieces)
				for i := range s {
					s[i] = make([]byte, pieceSize)
				}
				live.Store(&s)
			}
		})
	}
	return func() {
		stopped.Store(true)
		running.Wait()
		live.Store(nil)
		debug.SetGCPercent(before)
	}
}
