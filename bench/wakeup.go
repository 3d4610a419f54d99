//go:build linux

package main

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/eventfd"

	"github.com/eventchan/eventchan/bench/internal/cpeer"
	"github.com/eventchan/eventchan/semaphore"
)

const (
	cOverEpoll     = "two C threads over epoll"
	cReadAndEpoll  = "C threads, read(2) and epoll"
	cOverCondition = "C threads, condition variable"
	waitCall       = "Notifier.Wait"
	acquireCall    = "Semaphore.Acquire"
	selectCall     = "select on Notifier.C()"
	callbackRow    = "cgo callback into a channel"
	fileRow        = "os.File on an eventfd"
	pipeRow        = "os.Pipe"
	readRow        = "goroutine blocked in read(2)"
	gvisorRow      = "gvisor.dev/gvisor/pkg/eventfd"
)

// wakeUps compares round trips: a C thread wakes a goroutine, and blocks in
// read(2) until that answers by write(2).
func wakeUps() []comparison {
	rows := []contestant{
		{cOverEpoll, cPair(cpeer.OverEpoll)},
		{cReadAndEpoll, cPair(cpeer.ReadAndEpoll)},
		{cOverCondition, cPair(cpeer.OverCondition)},
		{viaFD.of(waitCall), roundTrips(wakeWait(viaFD))},
		{handle.of(waitCall), roundTrips(wakeWait(handle))},
		{viaFD.of(acquireCall), roundTrips(wakeAcquire(viaFD))},
		{handle.of(acquireCall), roundTrips(wakeAcquire(handle))},
		{viaFD.of(selectCall), roundTrips(wakeSelect(viaFD))},
		{handle.of(selectCall), roundTrips(wakeSelect(handle))},
		{callbackRow, roundTrips(wakeCallback)},
		{fileRow, roundTrips(wakeFile)},
		{pumpRow, roundTrips(wakePump)},
		{pipeRow, roundTrips(wakePipe)},
		{readRow, roundTrips(wakeRead)},
		{gvisorRow, roundTrips(wakeGvisor)},
	}
	const toC, toCallback = 1.5, 1.1
	onOne := comparison{
		title: "Wake-up by a C thread and answer, one CPU", unit: "ns", rows: rows, pinned: true, chart: "pinned",
	}
	onAll := comparison{title: "Wake-up by a C thread and answer, all CPUs", unit: "ns", rows: rows, chart: "wakeup"}
	for _, call := range []string{waitCall, selectCall} {
		row := viaFD.of(call)
		// The second bound is the stricter way to read the first: with the same
		// thread at the other end, one that blocks in read(2).
		onOne.targets = append(onOne.targets, times(toC, row, cOverEpoll), times(toC, row, cReadAndEpoll))
		onAll.targets = append(onAll.targets, times(toCallback, row, callbackRow))
	}
	for _, call := range []string{waitCall, selectCall} {
		// Through the descriptor a signal takes the way that every signal took
		// before there were handles.
		noWorse := times(1.05, handle.of(call), viaFD.of(call))
		onOne.targets = append(onOne.targets, noWorse, noWorse.at(99))
		onAll.targets = append(onAll.targets, noWorse, noWorse.at(99))
	}
	onAll.targets = append(onAll.targets,
		times(1, viaFD.of(selectCall), pumpRow), times(1, handle.of(selectCall), pumpRow))
	// The doorbell that all handles share saves a read(2) and a switch between
	// goroutines.
	onOne.targets = append(onOne.targets,
		times(1.45, handle.of(waitCall), cOverEpoll), times(1.4, handle.of(selectCall), cOverEpoll))
	return []comparison{onOne, onAll}
}

// A waker is one way for a C thread to wake a goroutine.
type waker struct {
	line cpeer.Line             // how the thread signals
	wait func() (uint64, error) // sleeps, and returns how many signals came
	stop func()
}

// roundTrips makes a contestant of a way to wake.
func roundTrips(open func() (waker, error)) func(int) (measurement, error) {
	return func(n int) (measurement, error) {
		w, err := open()
		if err != nil {
			return measurement{}, err
		}
		defer w.stop()
		reply, err := newEventfd(0)
		if err != nil {
			return measurement{}, err
		}
		defer unix.Close(reply)
		warm := n/10 + 1
		watch := start()
		thread, err := cpeer.Ping(w.line, reply, warm, n)
		if err != nil {
			return measurement{}, err
		}
		if err := w.answer(reply, warm+n); err != nil {
			return measurement{}, err
		}
		allocs := watch.stop(warm + n).allocs
		waits, err := thread.Join()
		m := meanOf(waits)
		m.allocs = allocs
		return m, err
	}
}

// answer waits and answers n times, each time for one signal.
func (w waker) answer(reply, n int) error {
	var received uint64
	for range n {
		count, err := w.wait()
		if err != nil {
			return err
		}
		received += count
		add(reply)
	}
	return conserved(uint64(n), received)
}

func cPair(f func(warm, n int) ([]int64, error)) func(int) (measurement, error) {
	return func(n int) (measurement, error) {
		waits, err := f(n/10+1, n)
		return meanOf(waits), err
	}
}

func meanOf(waits []int64) measurement {
	var sum int64
	for _, w := range waits {
		sum += w
	}
	return measurement{value: float64(sum) / float64(len(waits)), allocs: -1, waits: waits}
}

func wakeWait(m mode) func() (waker, error) {
	return func() (waker, error) {
		n, line, err := m.notifier()
		if err != nil {
			return waker{}, err
		}
		ctx, cancel := context.WithCancel(context.Background())
		return waker{
			line: line,
			wait: func() (uint64, error) { return n.Wait(ctx) },
			stop: func() { cancel(); n.Close() },
		}, nil
	}
}

func wakeAcquire(m mode) func() (waker, error) {
	return func() (waker, error) {
		s, err := semaphore.New(0)
		if err != nil {
			return waker{}, err
		}
		line, err := m.enter(s)
		ctx, cancel := context.WithCancel(context.Background())
		return waker{
			line: line,
			wait: func() (uint64, error) { return 1, s.Acquire(ctx, 1) },
			stop: func() { cancel(); s.Close() },
		}, err
	}
}

func wakeSelect(m mode) func() (waker, error) {
	return func() (waker, error) {
		n, line, err := m.notifier()
		if err != nil {
			return waker{}, err
		}
		return waker{line: line, wait: selecting(n.C()), stop: func() { n.Close() }}, nil
	}
}

// selecting receives from c in a select, as a program would that has something
// else to wait for too.
func selecting(c <-chan uint64) func() (uint64, error) {
	done := make(chan struct{})
	return func() (uint64, error) {
		select {
		case count := <-c:
			return count, nil
		case <-done:
			return 0, errors.New("done too early")
		}
	}
}

func wakeCallback() (waker, error) { return callbackInto(make(chan uint64, 1)) }

func callbackInto(c chan uint64) (waker, error) {
	cpeer.SetCallee(func() { c <- 1 })
	return waker{line: cpeer.Callback, wait: selecting(c), stop: func() {}}, nil
}

func wakeFile() (waker, error) {
	fd, err := newEventfd(unix.EFD_NONBLOCK)
	if err != nil {
		return waker{}, err
	}
	f := os.NewFile(uintptr(fd), "eventfd")
	return waker{
		line: cpeer.Write(fd),
		wait: func() (uint64, error) { return takeFile(f) },
		stop: func() { f.Close() },
	}, nil
}

func wakePipe() (waker, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return waker{}, err
	}
	out, err := writeEnd(w)
	return waker{
		line: cpeer.Write(out),
		wait: func() (uint64, error) { return takeFile(r) }, // the C thread writes a 1 of 8 bytes
		stop: func() { r.Close(); w.Close() },
	}, err
}

// writeEnd returns the descriptor of a pipe's end, which blocks when the pipe is
// full, as C's write(2) expects. File.Fd would make the Go side block too.
func writeEnd(w *os.File) (fd int, err error) {
	conn, err := w.SyscallConn()
	if err != nil {
		return -1, err
	}
	conn.Control(func(num uintptr) {
		fd = int(num)
		err = os.NewSyscallError("fcntl", unix.SetNonblock(fd, false))
	})
	return fd, err
}

func wakeRead() (waker, error) {
	fd, err := newEventfd(0)
	return waker{
		line: cpeer.Write(fd),
		wait: func() (uint64, error) { return take(fd) },
		stop: func() { unix.Close(fd) },
	}, err
}

func wakeGvisor() (waker, error) {
	ev, err := eventfd.Create()
	return waker{line: cpeer.Write(ev.FD()), wait: ev.Read, stop: func() { ev.Close() }}, err
}
