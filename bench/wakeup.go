//go:build linux

package main

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/eventfd"

	"github.com/eventchan/eventchan/bench/internal/cpeer"
	"github.com/eventchan/eventchan/notify"
)

const (
	cOverEpoll     = "two C threads over epoll"
	cReadAndEpoll  = "C threads, read(2) and epoll"
	cOverCondition = "C threads, condition variable"
	waitRow        = "Notifier.Wait"
	selectRow      = "select on Notifier.C()"
	callbackRow    = "cgo callback into a channel"
)

// wakeUps compares round trips: a C thread wakes a goroutine, and blocks in
// read(2) until that answers by write(2).
func wakeUps() []comparison {
	rows := []contestant{
		{cOverEpoll, cPair(cpeer.OverEpoll)},
		{cReadAndEpoll, cPair(cpeer.ReadAndEpoll)},
		{cOverCondition, cPair(cpeer.OverCondition)},
		{waitRow, roundTrips(wakeWait)},
		{selectRow, roundTrips(wakeSelect)},
		{callbackRow, roundTrips(wakeCallback)},
		{"os.File on an eventfd", roundTrips(wakeFile)},
		{"os.Pipe", roundTrips(wakePipe)},
		{"goroutine blocked in read(2)", roundTrips(wakeRead)},
		{"gvisor.dev/gvisor/pkg/eventfd", roundTrips(wakeGvisor)},
	}
	const toC, toCallback = 1.5, 1.1
	return []comparison{{
		title: "Wake-up by a C thread and answer, one CPU", unit: "ns", rows: rows, pinned: true, chart: "pinned",
		// The second pair of bounds is the stricter way to read the first: with the
		// same thread at the other end, one that blocks in read(2).
		targets: []target{
			{waitRow, cOverEpoll, toC, false}, {selectRow, cOverEpoll, toC, false},
			{waitRow, cReadAndEpoll, toC, false}, {selectRow, cReadAndEpoll, toC, false},
		},
	}, {
		title: "Wake-up by a C thread and answer, all CPUs", unit: "ns", rows: rows, chart: "wakeup",
		targets: []target{{waitRow, callbackRow, toCallback, false}, {selectRow, callbackRow, toCallback, false}},
	}}
}

// A waker is one way for a C thread to wake a goroutine.
type waker struct {
	fd   int                    // what the thread writes to; -1: it calls Go back
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
		thread, err := cpeer.Ping(w.fd, reply, warm, n)
		if err != nil {
			return measurement{}, err
		}
		if err := w.answer(reply, warm+n); err != nil {
			return measurement{}, err
		}
		waits, err := thread.Join()
		return meanOf(waits), err
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

func wakeWait() (waker, error) {
	n, err := notify.New()
	if err != nil {
		return waker{}, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	return waker{
		fd:   n.FD(),
		wait: func() (uint64, error) { return n.Wait(ctx) },
		stop: func() { cancel(); n.Close() },
	}, nil
}

func wakeSelect() (waker, error) {
	n, err := notify.New()
	if err != nil {
		return waker{}, err
	}
	c, done := n.C(), make(chan struct{})
	return waker{
		fd: n.FD(),
		wait: func() (uint64, error) {
			select {
			case count := <-c:
				return count, nil
			case <-done:
				return 0, errors.New("done too early")
			}
		},
		stop: func() { n.Close() },
	}, nil
}

func wakeCallback() (waker, error) {
	c, done := make(chan uint64, 1), make(chan struct{})
	cpeer.SetCallee(func() { c <- 1 })
	return waker{
		fd: -1,
		wait: func() (uint64, error) {
			select {
			case count := <-c:
				return count, nil
			case <-done:
				return 0, errors.New("done too early")
			}
		},
		stop: func() {},
	}, nil
}

func wakeFile() (waker, error) {
	fd, err := newEventfd(unix.EFD_NONBLOCK)
	if err != nil {
		return waker{}, err
	}
	f := os.NewFile(uintptr(fd), "eventfd")
	return waker{
		fd:   fd,
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
		fd:   out,
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
		fd:   fd,
		wait: func() (uint64, error) { return take(fd) },
		stop: func() { unix.Close(fd) },
	}, err
}

func wakeGvisor() (waker, error) {
	ev, err := eventfd.Create()
	return waker{fd: ev.FD(), wait: ev.Read, stop: func() { ev.Close() }}, err
}
