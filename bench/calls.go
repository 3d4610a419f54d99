//go:build linux

package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/eventchan/eventchan/notify"
	"github.com/eventchan/eventchan/semaphore"
)

const (
	notifyCall     = "Notifier.Notify"
	releaseCall    = "Semaphore.Release"
	tryWaitCall    = "Notifier.TryWait"
	tryAcquireCall = "Semaphore.TryAcquire"
)

// calls compares methods that never wait with the bare system call that each
// makes once there is a descriptor.
func calls() []comparison {
	const (
		above   = 20 // ns that a method may cost beyond its system call
		without = 20 // and without one
	)
	write := contestant{"write(2), bare", bareWrite}
	empty, take := contestant{"preadv2(2), bare", bareEmpty}, contestant{"preadv2(2), bare", bareTake}
	pair := contestant{"write(2) and preadv2(2), bare", barePair}
	return []comparison{{
		title: "Add to a counter", unit: "ns",
		rows: slices.Concat([]contestant{write}, inModes(notifyCall, notifyOnly), inModes(releaseCall, releaseOnly),
			[]contestant{{"eventchan_add in C, no sleeper", addsInC}}),
		targets: []target{
			noMore(without, private.of(notifyCall)),
			beyond(above, viaFD.of(notifyCall), write.name), beyond(above, viaFD.of(releaseCall), write.name),
		},
	}, {
		title: "Look at a counter that is 0", unit: "ns",
		rows: slices.Concat([]contestant{empty},
			inModes(tryWaitCall, tryWaitEmpty), inModes(tryAcquireCall, tryAcquireEmpty)),
		targets: []target{
			beyond(above, viaFD.of(tryWaitCall), empty.name), beyond(above, viaFD.of(tryAcquireCall), empty.name),
		},
	}, {
		title: "Take a permit", unit: "ns",
		rows: slices.Concat([]contestant{take},
			inModes(tryAcquireCall, tryAcquireOnly), inModes("Semaphore.Acquire", acquireOnly)),
		targets: []target{beyond(above, viaFD.of(tryAcquireCall), take.name)},
	}, {
		title: "Add to a counter and take it", unit: "ns",
		rows: slices.Concat([]contestant{pair},
			inModes("Notifier.Notify and TryWait", notifyTryWait), inModes("Notifier.Notify and Wait", notifyWait)),
		targets: []target{beyond(2*above, viaFD.of("Notifier.Notify and TryWait"), pair.name)},
	}}
}

// done is how many operations timed(n) does.
func done(n int) uint64 { return uint64(n + n/10 + 1) }

// onNotifier makes a contestant of f, which does something n times with a
// Notifier that then holds what f says.
func onNotifier(m mode, f func(n *notify.Notifier, count int) (measurement, uint64)) func(int) (measurement, error) {
	return func(count int) (measurement, error) {
		n, _, err := m.notifier()
		if err != nil {
			return measurement{}, err
		}
		defer n.Close()
		measured, left := f(n, count)
		got, _ := n.TryWait()
		return measured, conserved(left, got)
	}
}

func notifyOnly(m mode) func(int) (measurement, error) {
	return onNotifier(m, func(n *notify.Notifier, count int) (measurement, uint64) {
		m := timed(count, func(count int) {
			for range count {
				if err := n.Notify(); err != nil {
					panic(err)
				}
			}
		})
		return m, done(count)
	})
}

func tryWaitEmpty(m mode) func(int) (measurement, error) {
	return onNotifier(m, func(n *notify.Notifier, count int) (measurement, uint64) {
		return timed(count, func(count int) {
			for range count {
				if _, ok := n.TryWait(); ok {
					panic("a count out of nothing")
				}
			}
		}), 0
	})
}

func notifyTryWait(m mode) func(int) (measurement, error) {
	return onNotifier(m, func(n *notify.Notifier, count int) (measurement, uint64) {
		return timed(count, func(count int) {
			for range count {
				n.Notify()
				if got, _ := n.TryWait(); got != 1 {
					panic(fmt.Sprintf("TryWait: got %d, want 1", got))
				}
			}
		}), 0
	})
}

func notifyWait(m mode) func(int) (measurement, error) {
	ctx := context.Background()
	return onNotifier(m, func(n *notify.Notifier, count int) (measurement, uint64) {
		return timed(count, func(count int) {
			for range count {
				n.Notify()
				if got, err := n.Wait(ctx); got != 1 {
					panic(fmt.Sprintf("Wait: got %d, want 1: %v", got, err))
				}
			}
		}), 0
	})
}

// onSemaphore makes a contestant of f, which does something n times with a
// Semaphore that has so many permits, and each time so many more.
func onSemaphore(m mode, has, more int64, f func(s *semaphore.Semaphore, n int) measurement) func(int) (measurement, error) {
	return func(n int) (measurement, error) {
		s, err := m.semaphore(has)
		if err != nil {
			return measurement{}, err
		}
		defer s.Close()
		measured := f(s, n)
		left, err := s.Count()
		if err != nil {
			return measured, err
		}
		return measured, conserved(uint64(has+more*int64(done(n))), uint64(left))
	}
}

func releaseOnly(m mode) func(int) (measurement, error) {
	return onSemaphore(m, 0, 1, func(s *semaphore.Semaphore, n int) measurement {
		return timed(n, func(n int) {
			for range n {
				s.Release(1)
			}
		})
	})
}

func tryAcquireEmpty(m mode) func(int) (measurement, error) {
	return onSemaphore(m, 0, 0, func(s *semaphore.Semaphore, n int) measurement {
		return timed(n, func(n int) {
			for range n {
				if s.TryAcquire(1) {
					panic("a permit out of nothing")
				}
			}
		})
	})
}

func tryAcquireOnly(m mode) func(int) (measurement, error) {
	return onSemaphore(m, permits, -1, func(s *semaphore.Semaphore, n int) measurement {
		return timed(n, func(n int) {
			for range n {
				if !s.TryAcquire(1) {
					panic("no permit of so many")
				}
			}
		})
	})
}

func acquireOnly(m mode) func(int) (measurement, error) {
	ctx := context.Background()
	return onSemaphore(m, permits, -1, func(s *semaphore.Semaphore, n int) measurement {
		return timed(n, func(n int) {
			for range n {
				if err := s.Acquire(ctx, 1); err != nil {
					panic(err)
				}
			}
		})
	})
}
