//go:build linux

package main

import (
	"fmt"

	"github.com/eventchan/eventchan/bench/internal/cpeer"
)

const sendRow = "eventchan_send"

// burst is how many values are sent before the receiver takes them: less than there
// is room for.
const burst = 4096

// sends compares the CPU time that sending a value takes a C thread, while there is
// room and no goroutine waits. Between bursts a goroutine takes all of them.
func sends[T value]() comparison {
	c := comparison{
		title: fmt.Sprintf("Values of %d bytes, CPU time of the C thread", size[T]()), unit: "ns",
		targets: []target{times(0.25, sendRow, callbackRow)},
	}
	for _, w := range conduits[T]() {
		switch w.name {
		case queueCRow: // its goroutine waits
			continue
		case batchRow:
			w.name = sendRow
		}
		c.rows = append(c.rows, contestant{w.name, bursts(w.open)})
	}
	return c
}

func bursts[T value](open func() (conduit[T], error)) func(int) (measurement, error) {
	return func(n int) (measurement, error) {
		w, err := open()
		if err != nil {
			return measurement{}, err
		}
		defer w.stop()
		times := max(1, n/burst)
		s, err := cpeer.SendBursts(w.route, size[T](), burst, times)
		if err != nil {
			return measurement{}, err
		}
		l := new(ledger[T])
		for i := range times {
			if err := s.Burst(); err != nil {
				return measurement{}, err
			}
			if err := w.receive(l, uint64(i+1)*burst); err != nil {
				return measurement{}, err
			}
		}
		busy, err := s.Join()
		if err != nil {
			return measurement{}, err
		}
		return measurement{value: float64(busy) / float64(times*burst), allocs: -1}, l.check(1, times*burst)
	}
}
