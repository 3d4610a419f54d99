//go:build linux

package main

import (
	"context"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/notify"
	"github.com/eventchan/eventchan/semaphore"
)

// above is how many nanoseconds a method may cost beyond its system call.
const above = 20

// unbound is for rows that are shown without a target.
const unbound = 0

// systemCalls compares methods with the bare system call that each makes.
func systemCalls() []comparison {
	return []comparison{
		bare("Add to a counter", []contestant{
			{"write(2), bare", bareWrite}, {"Notifier.Notify", notifyOnly}, {"Semaphore.Release", releaseOnly},
		}, above, above),
		bare("Look at a counter that is 0", []contestant{
			{"preadv2(2), bare", bareEmpty}, {"Notifier.TryWait", tryWaitEmpty}, {"Semaphore.TryAcquire", tryAcquireEmpty},
		}, above, above),
		bare("Take a permit", []contestant{
			{"preadv2(2), bare", bareTake}, {"Semaphore.TryAcquire", tryAcquireOnly}, {"Semaphore.Acquire", acquireOnly},
		}, above, unbound),
		bare("Add to a counter and take it", []contestant{
			{"write(2) and preadv2(2), bare", barePair},
			{"Notifier.Notify and TryWait", notifyTryWait}, {"Notifier.Notify and Wait", notifyWait},
		}, 2*above, unbound),
	}
}

// bare bounds each row but the first by that one and so many nanoseconds.
func bare(title string, rows []contestant, most ...float64) comparison {
	c := comparison{title: title, unit: "ns", rows: rows}
	for i, ns := range most {
		if ns != unbound {
			c.targets = append(c.targets, target{rows[i+1].name, rows[0].name, ns, true})
		}
	}
	return c
}

// A call is one system call, made as the library makes it but without a look at
// its result: what it did is checked by the count that it leaves.
type call func(fd int)

var one = uint64(1)

func rawWrite(fd int) {
	unix.Syscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&one)), 8)
}

func rawRead(fd int) {
	var v struct {
		iov   unix.Iovec
		count uint64
	}
	v.iov.Base = (*byte)(unsafe.Pointer(&v.count))
	v.iov.Len = 8
	unix.RawSyscall6(unix.SYS_PREADV2, uintptr(fd), uintptr(unsafe.Pointer(&v.iov)),
		1, ^uintptr(0), ^uintptr(0), unix.RWF_NOWAIT)
}

func bareWrite(n int) (measurement, error) {
	return onEventfd(0, func(fd int) (measurement, uint64) {
		m := timed(n, func(n int) {
			for range n {
				rawWrite(fd)
			}
		})
		return m, done(n)
	})
}

func bareEmpty(n int) (measurement, error) {
	return onEventfd(0, func(fd int) (measurement, uint64) {
		return timed(n, func(n int) {
			for range n {
				rawRead(fd)
			}
		}), 0
	})
}

func barePair(n int) (measurement, error) {
	return onEventfd(0, func(fd int) (measurement, uint64) {
		return timed(n, func(n int) {
			for range n {
				rawWrite(fd)
				rawRead(fd)
			}
		}), 0
	})
}

// permits is more than any round takes.
const permits = 1 << 40

func bareTake(n int) (measurement, error) {
	return onEventfd(unix.EFD_SEMAPHORE, func(fd int) (measurement, uint64) {
		more := [8]byte{5: 1} // permits, in little endian
		unix.Write(fd, more[:])
		m := timed(n, func(n int) {
			for range n {
				rawRead(fd)
			}
		})
		return m, 1 // a permit a read is all that is left to check
	})
}

// done is how many operations timed(n) does.
func done(n int) uint64 { return uint64(n + n/10 + 1) }

// onEventfd measures f on an eventfd that then holds what f says.
func onEventfd(flags int, f func(fd int) (measurement, uint64)) (measurement, error) {
	fd, err := newEventfd(unix.EFD_NONBLOCK | flags)
	if err != nil {
		return measurement{}, err
	}
	defer unix.Close(fd)
	m, left := f(fd)
	got, err := take(fd)
	if left == 0 && err != nil { // EAGAIN, as it should be
		return m, nil
	}
	if err != nil {
		return m, err
	}
	return m, conserved(left, got)
}

// onNotifier measures f on a Notifier that others see and that then holds what f
// says.
func onNotifier(f func(n *notify.Notifier) (measurement, uint64)) (measurement, error) {
	n, err := notify.New()
	if err != nil {
		return measurement{}, err
	}
	defer n.Close()
	n.FD()
	m, left := f(n)
	got, _ := n.TryWait()
	return m, conserved(left, got)
}

func notifyOnly(count int) (measurement, error) {
	return onNotifier(func(n *notify.Notifier) (measurement, uint64) {
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

func tryWaitEmpty(count int) (measurement, error) {
	return onNotifier(func(n *notify.Notifier) (measurement, uint64) {
		return timed(count, func(count int) {
			for range count {
				if _, ok := n.TryWait(); ok {
					panic("a count out of nothing")
				}
			}
		}), 0
	})
}

func notifyTryWait(count int) (measurement, error) {
	return onNotifier(func(n *notify.Notifier) (measurement, uint64) {
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

func notifyWait(count int) (measurement, error) {
	ctx := context.Background()
	return onNotifier(func(n *notify.Notifier) (measurement, uint64) {
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

// onSemaphore measures f on a Semaphore that others see, has so many permits, and
// has that many more when f has done what it said.
func onSemaphore(has, more int64, f func(s *semaphore.Semaphore) measurement) (measurement, error) {
	s, err := semaphore.New(has)
	if err != nil {
		return measurement{}, err
	}
	defer s.Close()
	s.FD()
	m := f(s)
	left, err := s.Count()
	if err != nil {
		return m, err
	}
	return m, conserved(uint64(has+more), uint64(left))
}

func releaseOnly(n int) (measurement, error) {
	return onSemaphore(0, int64(done(n)), func(s *semaphore.Semaphore) measurement {
		return timed(n, func(n int) {
			for range n {
				s.Release(1)
			}
		})
	})
}

func tryAcquireEmpty(n int) (measurement, error) {
	return onSemaphore(0, 0, func(s *semaphore.Semaphore) measurement {
		return timed(n, func(n int) {
			for range n {
				if s.TryAcquire(1) {
					panic("a permit out of nothing")
				}
			}
		})
	})
}

func tryAcquireOnly(n int) (measurement, error) {
	return onSemaphore(permits, -int64(done(n)), func(s *semaphore.Semaphore) measurement {
		return timed(n, func(n int) {
			for range n {
				if !s.TryAcquire(1) {
					panic("no permit of so many")
				}
			}
		})
	})
}

func acquireOnly(n int) (measurement, error) {
	ctx := context.Background()
	return onSemaphore(permits, -int64(done(n)), func(s *semaphore.Semaphore) measurement {
		return timed(n, func(n int) {
			for range n {
				if err := s.Acquire(ctx, 1); err != nil {
					panic(err)
				}
			}
		})
	})
}
