//go:build linux

package main

import "time"

// consumerWork is how long a busy consumer works for what it has received.
const consumerWork = 5 * time.Microsecond

// busyConsumer compares what a signal costs when a C thread signals as fast as it can to a
// goroutine that works after each receipt. Such a consumer never sleeps for long, so what
// a way to wake does on each signal while nothing waits shows here.
func busyConsumer() []comparison {
	c := comparison{
		title: "Stream of signals to a busy consumer, a signal", unit: "ns",
		rows: []contestant{
			{fileRow, floods(1, busySink(wakeFile))},
			{pumpRow, floods(1, busySink(wakePump))},
			{viaFD.of(waitCall), floods(1, busySink(wakeWait(viaFD)))},
			{handle.of(waitCall), floods(1, busySink(wakeWait(handle)))},
			{viaFD.of(selectCall), floods(1, busySink(wakeSelect(viaFD)))},
			{handle.of(selectCall), floods(1, busySink(wakeSelect(handle)))},
		},
	}
	for _, call := range []string{waitCall, selectCall} {
		peer := map[string]string{waitCall: fileRow, selectCall: pumpRow}[call]
		c.targets = append(c.targets, times(1.05, viaFD.of(call), peer), times(1, handle.of(call), peer))
	}
	return []comparison{c}
}

// busySink is sinkOf for a receiver that works after each receipt.
func busySink(open func() (waker, error)) func() (sink, error) {
	return sinkOf(func() (waker, error) {
		w, err := open()
		if err != nil {
			return w, err
		}
		wait, work := w.wait, busy(consumerWork)
		w.wait = func() (uint64, error) {
			count, err := wait()
			work()
			return count, err
		}
		return w, nil
	})
}
