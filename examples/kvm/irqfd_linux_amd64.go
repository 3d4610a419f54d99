package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/examples/internal/check"
	"github.com/eventchan/eventchan/examples/kvm/vm"
	"github.com/eventchan/eventchan/notify"
)

// A Notifier interrupts the guest. KVM takes the whole count, from a wait-queue entry of its own, and raises the line once.
var irqChecks = []check.Check{
	{Name: "irqfd-interrupts", Run: interrupts, Claim: "1,000 times a Notify wakes the guest, whose answer wakes a goroutine"},
	{Name: "irqfd-count", Run: countIsOneInterrupt, Claim: "100 times Add(1000) is one interrupt, and leaves 0"},
	{Name: "irqfd-before-a-goroutine", Run: beforeGoroutine, Claim: "200 writes all go to KVM while a goroutine is in Wait"},
	{Name: "irqfd-resample", Run: resample, Claim: "1,000 interrupts that the guest ends are 1,000 signals"},
	{Name: "irqfd-close", Run: closeEndsIt, Claim: "200 times a signal before Close interrupts, and Close takes the irqfd away"},
	{Name: "irqfd-machines", Run: machines, Claim: "8 machines together, 100 interrupts each"},
}

func interrupts() error {
	const times = 1_000
	return sleeping(times, func(s *sleeper) error {
		n, err := s.line(vm.IRQFD{})
		if err != nil {
			return err
		}
		defer n.Close()
		for i := range times {
			if err := errors.Join(n.Notify(), s.answer()); err != nil {
				return fmt.Errorf("round %d: %w", i, err)
			}
		}
		return holds(n, 0)
	})
}

func countIsOneInterrupt() error {
	const times = 100
	return sleeping(times, func(s *sleeper) error {
		n, err := s.line(vm.IRQFD{})
		if err != nil {
			return err
		}
		defer n.Close()
		for range times {
			if err := errors.Join(n.Add(1000), s.answer()); err != nil {
				return err
			}
		}
		return holds(n, 0)
	})
}

// beforeGoroutine checks that what write(2) adds, as from another process, goes to KVM. What Add adds goes to the
// waiting goroutine, without a system call.
func beforeGoroutine() error {
	const times = 200
	return sleeping(times, func(s *sleeper) error {
		n, err := s.line(vm.IRQFD{})
		if err != nil {
			return err
		}
		defer n.Close()
		got := make(chan error, 1)
		go func() {
			count, err := n.Wait(context.Background())
			if err == nil && count != 3 {
				err = fmt.Errorf("the goroutine got %d, want 3", count)
			}
			got <- err
		}()
		for !waiting() {
			runtime.Gosched()
		}
		for range times {
			_, err := unix.Write(n.FD(), binary.NativeEndian.AppendUint64(nil, 1))
			if err := errors.Join(err, s.answer()); err != nil {
				return err
			}
		}
		return errors.Join(n.Add(3), <-got)
	})
}

// waiting reports whether a goroutine is blocked in Wait.
func waiting() bool {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return regexp.MustCompile(`goroutine \d+ \[(select|chan receive)[^]]*\]:\n(\S.*\n\t.*\n)*\S*\(\*Notifier\)\.Wait\(`).Match(stacks)
}

func resample() error {
	const times = 1_000
	return sleeping(times, func(s *sleeper) error {
		ended, err := notify.New()
		if err != nil {
			return err
		}
		defer ended.Close()
		n, err := s.line(vm.IRQFD{Flags: vm.Resample, ResampleFD: uint32(ended.FD())})
		if err != nil {
			return err
		}
		defer n.Close()
		for i := range times {
			if i >= lost { // the first one can be lost on purpose
				err = n.Notify()
			}
			if err := errors.Join(err, nextIs(ended, 1), s.answer()); err != nil {
				return fmt.Errorf("round %d: %w", i, err)
			}
		}
		off := vm.IRQFD{FD: uint32(n.FD()), GSI: line, Flags: vm.DeassignIRQ}
		return errors.Join(s.IRQFD(off), holds(n, 0), holds(ended, 0))
	})
}

// closeEndsIt closes the Notifier right after the signal, possibly before the guest is interrupted.
func closeEndsIt() error {
	const times = 200
	return sleeping(times, func(s *sleeper) error {
		for i := range times {
			n, err := s.line(vm.IRQFD{})
			if err != nil {
				return err
			}
			if err := errors.Join(n.Notify(), n.Close(), s.answer()); err != nil {
				return fmt.Errorf("round %d: %w", i, err)
			}
		}
		return nil
	})
}

func machines() error {
	const count, times = 8, 100
	done := make(chan error, count)
	for range count {
		go func() {
			done <- sleeping(times, func(s *sleeper) error {
				n, err := s.line(vm.IRQFD{})
				if err != nil {
					return err
				}
				defer n.Close()
				for range times {
					if err := errors.Join(n.Notify(), s.answer()); err != nil {
						return err
					}
				}
				return nil
			})
		}()
	}
	var err error
	for range count {
		err = errors.Join(err, <-done)
	}
	return err
}
