//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/eventchan/eventchan/bench/internal/cpeer"
)

const receiveRow, selectQueueRow = "Queue.Receive", "select on Queue.C()"

// valueWakeUps is wakeUps for a goroutine that sleeps until there is a value.
func valueWakeUps() []comparison {
	rows := []contestant{
		{handle.of(waitCall), roundTrips(wakeWait(handle))},
		{receiveRow, roundTrips(wakeReceive)},
		{handle.of(selectCall), roundTrips(wakeSelect(handle))},
		{selectQueueRow, roundTrips(wakeSelectQueue)},
	}
	const ofNotifier = 1.15
	targets := []target{
		times(ofNotifier, receiveRow, handle.of(waitCall)), times(ofNotifier, selectQueueRow, handle.of(selectCall)),
	}
	return []comparison{
		{title: "Wake-up by one value and answer, one CPU", unit: "ns", rows: rows, targets: targets, pinned: true},
		{title: "Wake-up by one value and answer, all CPUs", unit: "ns", rows: rows, targets: targets},
	}
}

func wakeReceive() (waker, error) {
	q, h, err := newQueue[value16](room)
	if err != nil {
		return waker{}, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var count counter
	return waker{
		line: cpeer.Line{Queue: h, FD: -1},
		wait: func() (uint64, error) {
			v, err := q.Receive(ctx)
			return count.one(v, err)
		},
		stop: func() { cancel(); q.Close() },
	}, nil
}

func wakeSelectQueue() (waker, error) {
	q, h, err := newQueue[value16](room)
	if err != nil {
		return waker{}, err
	}
	c, done := q.C(), make(chan struct{})
	var count counter
	return waker{
		line: cpeer.Line{Queue: h, FD: -1},
		wait: func() (uint64, error) {
			select {
			case v := <-c:
				return count.one(v, nil)
			case <-done:
				return 0, errors.New("done too early")
			}
		},
		stop: func() { q.Close() },
	}, nil
}

// A counter is the number of the next value.
type counter uint64

// one counts a value that was received.
func (c *counter) one(v value16, err error) (uint64, error) {
	if err == nil && v[0] != uint64(*c) {
		err = fmt.Errorf("value %d came instead of %d", v[0], *c)
	}
	*c++
	return 1, err
}
