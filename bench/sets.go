//go:build linux

package main

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bench/internal/cpeer"
	"github.com/eventchan/eventchan/bridge"
)

const (
	setRow  = "Set.Wait in batches, and read(2)"
	setCRow = "select on Set.C(), Set.Poll, and read(2)"
)

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
				{setRow, sweepsOfSet(threads, k, nextByWait)},
				{setCRow, sweepsOfSet(threads, k, nextByC)},
			},
			targets: []target{times(ofFiles, setRow, filesRow), times(ofLoop, setRow, cLoopRow)},
		})
	}
	return all
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

// sweepsOfSet is sweepsFrom for a Set of k eventfds and one goroutine.
func sweepsOfSet(threads, k int, next func(*bridge.Set[int], []bridge.Event[int]) (int, error)) func(int) (measurement, error) {
	return func(n int) (measurement, error) {
		if err := allows(k); err != nil {
			return measurement{}, err
		}
		fds, closeAll, err := eventfds(k, unix.EFD_NONBLOCK)
		if err != nil {
			return measurement{}, err
		}
		defer closeAll()
		s, err := bridge.NewSet[int]()
		if err != nil {
			return measurement{}, err
		}
		defer s.Close()
		lines := make([]cpeer.Line, k)
		for i, fd := range fds {
			lines[i] = cpeer.Write(fd)
			if err := s.Add(fd, bridge.Readable, fd); err != nil {
				return measurement{}, err
			}
		}
		times := max(1, n/k)
		sweep, err := cpeer.StartSweep(lines, threads, times+1)
		if err != nil {
			return measurement{}, err
		}
		dst := make([]bridge.Event[int], 128)
		once := func() (received uint64, err error) {
			sweep.Next()
			for received < uint64(k) {
				ready, err := next(s, dst)
				if err != nil {
					return received, err
				}
				for _, ev := range dst[:ready] {
					count, err := take(ev.Key)
					if err != nil {
						return received, err
					}
					received += count
				}
			}
			return received, nil
		}
		if _, err := once(); err != nil { // warm up
			return measurement{}, err
		}
		watch := start()
		var received uint64
		for range times {
			count, err := once()
			if err != nil {
				return measurement{}, err
			}
			received += count
		}
		m := watch.stop(times * k)
		if err := sweep.Join(); err != nil {
			return m, err
		}
		return m, conserved(uint64(times*k), received)
	}
}
