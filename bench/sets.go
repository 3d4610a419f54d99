//go:build linux

package main

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bench/internal/cpeer"
	"github.com/eventchan/eventchan/bridge"
)

const (
	setRow  = "Set.Wait in batches, and read(2)"
	setCRow = "select on Set.C(), Set.Poll, and read(2)"

	// epollRow is the least that an event loop in Go can cost: the system calls alone, and a
	// blocked thread.
	epollRow = "goroutine in unix.EpollWait, and read(2)"
)

// setBatch is how many events one call returns at most.
const setBatch = 128

// sets compares ways to serve many descriptors. C threads write to each eventfd once,
// and one consumer reads each; with an os.File, a goroutine for each does.
func sets(s settings) []comparison {
	const ofFiles, ofLoop = 0.5, 1.3
	k := min(1000, s.most)
	var all []comparison
	for _, threads := range []int{1, mostSignalers} {
		all = append(all, comparison{
			title: fmt.Sprintf("Set: fan-in of %d eventfds from %d C threads, per event", k, threads), unit: "ns",
			rows: []contestant{
				{filesRow, sweepsFrom(threads, k, inletFiles)},
				{cLoopRow, sweepsOfLoop(threads, k)},
				{setRow, sweepsOfEventLoop(threads, k, loopOfSet(nextByWait))},
				{setCRow, sweepsOfEventLoop(threads, k, loopOfSet(nextByC))},
				{epollRow, sweepsOfEventLoop(threads, k, loopOfEpoll)},
			},
			targets: []target{times(ofFiles, setRow, filesRow), times(ofLoop, setRow, cLoopRow)},
		})
	}
	return all
}

// An eventLoop waits for many eventfds on behalf of one goroutine.
type eventLoop struct {
	add   func(fd int) error
	next  func(dst []int) (ready int, err error) // descriptors; waits while none is ready
	close func()
}

// loopOfSet makes an eventLoop of a Set.
func loopOfSet(next func(*bridge.Set[int], []bridge.Event[int]) (int, error)) func() (eventLoop, error) {
	return func() (eventLoop, error) {
		s, err := bridge.NewSet[int]()
		if err != nil {
			return eventLoop{}, err
		}
		events := make([]bridge.Event[int], setBatch)
		return eventLoop{
			add: func(fd int) error { return s.Add(fd, bridge.Readable, fd) },
			next: func(dst []int) (int, error) {
				n, err := next(s, events[:len(dst)])
				for i, ev := range events[:n] {
					dst[i] = ev.Key
				}
				return n, err
			},
			close: func() { s.Close() },
		}, nil
	}
}

// nextByWait and nextByC return the next members that are ready.
func nextByWait(s *bridge.Set[int], dst []bridge.Event[int]) (int, error) {
	return s.Wait(context.Background(), dst)
}

func nextByC(s *bridge.Set[int], dst []bridge.Event[int]) (n int, err error) {
	for n == 0 {
		<-s.C()
		n = s.Poll(dst)
	}
	return n, nil
}

// loopOfEpoll makes an eventLoop of an epoll instance: the goroutine blocks its thread.
func loopOfEpoll() (eventLoop, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return eventLoop{}, os.NewSyscallError("epoll_create1", err)
	}
	events := make([]unix.EpollEvent, setBatch)
	return eventLoop{
		add: func(fd int) error {
			ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
			return os.NewSyscallError("epoll_ctl", unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, fd, &ev))
		},
		next: func(dst []int) (int, error) {
			n, err := unix.EpollWait(ep, events[:len(dst)], -1)
			for err == unix.EINTR {
				n, err = unix.EpollWait(ep, events[:len(dst)], -1)
			}
			for i := range max(n, 0) {
				dst[i] = int(events[i].Fd)
			}
			return n, os.NewSyscallError("epoll_wait", err)
		},
		close: func() { unix.Close(ep) },
	}, nil
}

// sweepsOfEventLoop is sweepsFrom for k eventfds and one goroutine.
func sweepsOfEventLoop(threads, k int, open func() (eventLoop, error)) func(int) (measurement, error) {
	return func(n int) (measurement, error) {
		if err := allows(k); err != nil {
			return measurement{}, err
		}
		fds, closeAll, err := eventfds(k, unix.EFD_NONBLOCK)
		if err != nil {
			return measurement{}, err
		}
		defer closeAll()
		l, err := open()
		if err != nil {
			return measurement{}, err
		}
		defer l.close()
		lines := make([]cpeer.Line, k)
		for i, fd := range fds {
			lines[i] = cpeer.Write(fd)
			if err := l.add(fd); err != nil {
				return measurement{}, err
			}
		}
		times := max(1, n/k)
		sweep, err := cpeer.StartSweep(lines, threads, times+1)
		if err != nil {
			return measurement{}, err
		}
		m, err := l.sweep(sweep.Next, k, times)
		if err != nil {
			return m, err
		}
		return m, sweep.Join()
	}
}

// sweep measures so many times that all k eventfds are signaled once.
func (l eventLoop) sweep(open func(), k, times int) (measurement, error) {
	dst := make([]int, setBatch)
	if _, err := l.collect(open, dst, k); err != nil { // warm up
		return measurement{}, err
	}
	watch := start()
	var received uint64
	for range times {
		count, err := l.collect(open, dst, k)
		if err != nil {
			return measurement{}, err
		}
		received += count
	}
	return watch.stop(times * k), conserved(uint64(times*k), received)
}

// collect has all k eventfds signaled and reads what comes.
func (l eventLoop) collect(open func(), dst []int, k int) (received uint64, err error) {
	open()
	for received < uint64(k) {
		ready, err := l.next(dst)
		if err != nil {
			return received, err
		}
		for _, fd := range dst[:ready] {
			count, err := take(fd)
			if err != nil {
				return received, err
			}
			received += count
		}
	}
	return received, nil
}
