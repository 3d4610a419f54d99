//go:build linux

package main

import (
	"fmt"
	"strings"
	"unsafe"

	"github.com/eventchan/eventchan/bench/internal/cpeer"
)

const (
	sliceRow  = "cgo callback into a slice, under a mutex"
	arrayRow  = "mutex and array in C, Notifier's handle"
	batchRow  = "Queue.ReceiveBatch"
	queueCRow = "Queue.C()"

	// room is for how many values each contestant has room.
	room = 8192
	// batch is how many values a receiver takes at most, where that is its choice.
	batch = 1024
)

// A value is what C threads send: the number of the value, the number of its thread
// and, in a larger one, the number of the value again in the last word.
type value interface {
	[2]uint64 | [8]uint64 | [32]uint64
}

type (
	value16  = [2]uint64
	value64  = [8]uint64
	value256 = [32]uint64
)

// values compares ways to bring values from C threads to a goroutine.
func values() []comparison {
	var all []comparison
	for _, threads := range []int{1, mostSignalers} {
		all = append(all,
			streams[value16](threads, batchAtMost(1./6, 1./8, threads), 1./2),
			streams[value64](threads, batchAtMost(1./5, 1./8, threads), 1./2),
			streams[value256](threads, 1./3, 2./3))
	}
	for _, threads := range []int{1, mostSignalers} {
		all = append(all, streams[value16](threads, 1, 1).onOneCPU(), streams[value256](threads, 1, 1).onOneCPU())
	}
	all = append(all, sends[value16](), sends[value64](), sends[value256]())
	return append(all, valueWakeUps()...)
}

func batchAtMost(fromOne, fromMost float64, threads int) float64 {
	if threads == 1 {
		return fromOne
	}
	return fromMost
}

// streams compares what a value costs when C threads send as fast as they can, until
// a goroutine has received all. The bounds are ratios to the callback.
func streams[T value](threads int, ofBatch, ofC float64) comparison {
	c := comparison{
		title: fmt.Sprintf("Values of %d bytes from %d C threads, per value", size[T](), threads), unit: "ns",
		targets: []target{times(ofBatch, batchRow, callbackRow), times(ofC, queueCRow, callbackRow)},
	}
	for _, w := range conduits[T]() {
		c.rows = append(c.rows, contestant{w.name, stream(threads, w.open)})
	}
	if threads == 1 {
		c.chart, c.x = "queue", float64(size[T]())
	}
	return c
}

// onOneCPU is the same comparison in a process that has one CPU.
func (c comparison) onOneCPU() comparison {
	c.title, c.pinned, c.chart = strings.Replace(c.title, ", ", ", one CPU, ", 1), true, ""
	return c
}

func size[T value]() int { return int(unsafe.Sizeof(*new(T))) }

// A conduit is a way from C threads to a goroutine.
type conduit[T value] struct {
	route cpeer.Route
	// receive enters values into the ledger until it has n of them.
	receive func(l *ledger[T], n uint64) error
	stop    func()
}

// stream makes a contestant of a conduit and some threads.
func stream[T value](threads int, open func() (conduit[T], error)) func(int) (measurement, error) {
	return func(n int) (measurement, error) {
		w, err := open()
		if err != nil {
			return measurement{}, err
		}
		defer w.stop()
		each, senders := max(1, n/threads), make([]*cpeer.Sender, threads)
		l := new(ledger[T])
		watch := start()
		for i := range senders {
			if senders[i], err = cpeer.SendValues(w.route, i, size[T](), each); err != nil {
				return measurement{}, err
			}
		}
		err = w.receive(l, uint64(threads*each))
		m := watch.stop(threads * each)
		if err != nil {
			return m, err
		}
		for _, s := range senders {
			if _, err := s.Join(); err != nil {
				return m, err
			}
		}
		return m, l.check(threads, each)
	}
}

// A ledger checks what a goroutine receives.
type ledger[T value] struct {
	next     [mostSignalers]uint64 // value of each thread
	received uint64
	wrong    uint64 // values out of order, or damaged
}

func (l *ledger[T]) enter(v *T) {
	next := &l.next[(*v)[1]%mostSignalers]
	if (*v)[0] != *next || len(*v) > 2 && (*v)[len(*v)-1] != *next {
		l.wrong++
	}
	*next++
	l.received++
}

func (l *ledger[T]) enterAll(vs []T) {
	for i := range vs {
		l.enter(&vs[i])
	}
}

// check returns an error unless the ledger has the same number of values of each
// thread, all in order.
func (l *ledger[T]) check(threads, each int) error {
	if l.wrong > 0 {
		return fmt.Errorf("%d values were out of order or damaged", l.wrong)
	}
	for _, next := range l.next[:threads] {
		if err := conserved(uint64(each), next); err != nil {
			return err
		}
	}
	return conserved(uint64(threads*each), l.received)
}
