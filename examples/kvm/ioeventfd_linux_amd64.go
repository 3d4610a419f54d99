package main

import (
	"errors"
	"fmt"

	"github.com/eventchan/eventchan/examples/internal/check"
	"github.com/eventchan/eventchan/examples/kvm/vm"
	"github.com/eventchan/eventchan/notify"
	"github.com/eventchan/eventchan/semaphore"
)

// The guest writes, and KVM signals an eventfd before the guest's next instruction. Therefore all signals have been
// given when Run returns.
var ioChecks = []check.Check{
	{Name: "ioeventfd-port", Run: portWrites, Claim: "100,000 writes to a port are a count of 100,000"},
	{Name: "ioeventfd-port-while-receiving", Run: portWritesWhileReceiving, Claim: "the same, received in a select at the same time"},
	{Name: "ioeventfd-mmio", Run: stores, Claim: "10,000 stores to an address without memory are a count of 10,000"},
	{Name: "ioeventfd-queues", Run: queues, Claim: "the value written picks one of 16 Notifiers; without an eventfd it exits"},
	{Name: "ioeventfd-permits", Run: permits, Claim: "1,000 writes are 1,000 permits of a Semaphore"},
	{Name: "ioeventfd-deassign", Run: deassign, Claim: "50 writes are 50 signals before, 50 exits after"},
	{Name: "ioeventfd-close", Run: closeWhileHeld, Claim: "writes after Close of the Notifier reach no goroutine, nor its number's next eventfd"},
	{Name: "ioeventfd-maximum", Run: maximum, Claim: "5 writes onto 2^64-4 are 2^64-1"},
}

const many = 100_000

func portWrites() error {
	return with(func(m *vm.Machine, n *notify.Notifier) error {
		return errors.Join(m.IOEventFD(vm.Port(kick, n.FD())), run(m), holds(n, many))
	}, vm.Repeat(many-lost, vm.Out(kick, 1)), vm.End())
}

func portWritesWhileReceiving() error {
	return with(func(m *vm.Machine, n *notify.Notifier) error {
		if err := m.IOEventFD(vm.Port(kick, n.FD())); err != nil {
			return err
		}
		ended := make(chan error, 1)
		go func() { ended <- run(m) }()
		for got := uint64(0); ; {
			select {
			case count := <-n.C():
				got += count
			case err := <-ended:
				return errors.Join(err, holds(n, many-got))
			}
		}
	}, vm.Repeat(many-lost, vm.Out(kick, 1)), vm.End())
}

func stores() error {
	const times = 10_000
	return with(func(m *vm.Machine, n *notify.Notifier) error {
		return errors.Join(m.IOEventFD(vm.MMIO(vm.NoMemory<<4, n.FD())), run(m), holds(n, times))
	}, vm.Repeat(times-lost, vm.Store(vm.NoMemory, 7)), vm.End())
}

// queues works as virtio does: all queues of a device share one port, and the value written there is a queue's number.
// The guest writes q+1 times to queue q in each of its rounds, because equal counts would hide a mix-up.
func queues() error {
	const count, rounds, unused = 16, 100, 200
	var round [][]byte
	for q := range count {
		for range q + 1 {
			round = append(round, vm.Out(kick, byte(q)))
		}
	}
	round = append(round, vm.Out(kick, unused))
	return with(func(m *vm.Machine, _ *notify.Notifier) error {
		var all []*notify.Notifier
		for q := range count {
			n, err := notify.New()
			if err != nil {
				return err
			}
			defer n.Close()
			if err := m.IOEventFD(vm.PortValue(kick, byte(q), n.FD())); err != nil {
				return fmt.Errorf("queue %d: %w", q, err)
			}
			all = append(all, n)
		}
		exits, err := m.Run()
		if err != nil || len(exits) != rounds || exits[0] != (vm.Exit{Addr: kick, Value: unused}) {
			return fmt.Errorf("%d exits, %v; want %d", len(exits), err, rounds)
		}
		for q, n := range all {
			if err := holds(n, uint64(rounds*(q+1))); err != nil {
				return fmt.Errorf("queue %d: %w", q, err)
			}
		}
		return nil
	}, vm.Repeat(rounds-lost, round...), vm.Repeat(lost, vm.Out(kick, unused)), vm.End())
}

// permits acquires permits while the guest runs.
func permits() error {
	const each, times = 100, 10
	s, err := semaphore.New(0)
	if err != nil {
		return err
	}
	defer s.Close()
	return with(func(m *vm.Machine, _ *notify.Notifier) error {
		if err := m.IOEventFD(vm.Port(kick, s.FD())); err != nil {
			return err
		}
		ended := make(chan error, 1)
		go func() { ended <- run(m) }()
		ctx, cancel := soon()
		defer cancel()
		for i := range times {
			if err := s.Acquire(ctx, each); err != nil {
				return fmt.Errorf("the permits from %d on: %w", i*each, errors.Join(err, <-ended))
			}
		}
		err := <-ended
		if left, countErr := s.Count(); left != 0 || countErr != nil {
			err = errors.Join(err, fmt.Errorf("%d permits too many, %v", left, countErr))
		}
		return err
	}, vm.Repeat(each*times-lost, vm.Out(kick, 1)), vm.End())
}

func deassign() error {
	const times = 50
	return with(func(m *vm.Machine, n *notify.Notifier) error {
		e := vm.Port(kick, n.FD())
		off := e
		off.Flags |= vm.DeassignIO
		err := errors.Join(m.IOEventFD(e), run(m), holds(n, times), m.IOEventFD(off), m.Reset())
		if err != nil {
			return err
		}
		exits, err := m.Run()
		if err != nil || len(exits) != times || exits[0] != (vm.Exit{Addr: kick, Value: 9}) {
			return fmt.Errorf("%d exits, %v; want %d", len(exits), err, times)
		}
		return holds(n, 0)
	}, vm.Repeat(times, vm.Out(kick, 9)), vm.End())
}

// closeWhileHeld closes the descriptor while KVM holds the counter, which outlives it.
func closeWhileHeld() error {
	const times = 1_000
	return with(func(m *vm.Machine, n *notify.Notifier) error {
		number := n.FD()
		if err := errors.Join(m.IOEventFD(vm.Port(kick, number)), run(m), nextIs(n, times), n.Close()); err != nil {
			return err
		}
		next, err := notify.New()
		if err != nil {
			return err
		}
		defer next.Close()
		if next.FD() != number {
			return fmt.Errorf("descriptor %d was closed, and the next is %d", number, next.FD())
		}
		return errors.Join(run(m), holds(next, 0))
	}, vm.Repeat(times, vm.Out(kick, 1)), vm.End(), vm.Repeat(times, vm.Out(kick, 1)), vm.End())
}

// maximum checks that KVM, like all kernel code, adds 1 above the maximum for programs, and then no more.
func maximum() error {
	return with(func(m *vm.Machine, n *notify.Notifier) error {
		return errors.Join(n.Add(notify.MaxCount-2), m.IOEventFD(vm.Port(kick, n.FD())), run(m), holds(n, notify.MaxCount+1))
	}, vm.Repeat(5, vm.Out(kick, 1)), vm.End())
}
