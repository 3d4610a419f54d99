package main

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/examples/internal/check"
	"github.com/eventchan/eventchan/examples/kvm/vm"
	"github.com/eventchan/eventchan/notify"
)

// These checks are about what KVM refuses and what it does not.
var refusalChecks = []check.Check{
	{Name: "ioeventfd-refusals", Run: ioRefusals, Claim: "EEXIST, EBADF, EINVAL, ENOENT"},
	{Name: "irqfd-refusals", Run: irqRefusals, Claim: "EBUSY, EBADF, EINVAL; a second deassign succeeds"},
}

// closedNumber returns the number of an eventfd that was closed.
func closedNumber() (int, error) {
	n, err := notify.New()
	if err != nil {
		return -1, err
	}
	number := n.FD()
	return number, n.Close()
}

func ioRefusals() error {
	return with(func(m *vm.Machine, n *notify.Notifier) error {
		e := vm.Port(kick, n.FD())
		closed, err := closedNumber()
		long, flag, end, nothing := e, e, e, e
		long.Len, flag.Flags = 3, 1<<9
		end.Addr, end.Len = 1<<64-1, 8
		nothing.Addr, nothing.Flags = pong, vm.PIO|vm.DeassignIO
		return errors.Join(err,
			m.IOEventFD(e),
			refused("the same again", m.IOEventFD(e), unix.EEXIST),
			refused("a value where all values have an eventfd", m.IOEventFD(vm.PortValue(kick, 1, n.FD())), unix.EEXIST),
			refused("a closed descriptor", m.IOEventFD(vm.Port(pong, closed)), unix.EBADF),
			refused("not an eventfd", m.IOEventFD(vm.Port(pong, m.Device())), unix.EINVAL),
			refused("length 3", m.IOEventFD(long), unix.EINVAL),
			refused("an unknown flag", m.IOEventFD(flag), unix.EINVAL),
			refused("past the last address", m.IOEventFD(end), unix.EINVAL),
			refused("deassign of nothing", m.IOEventFD(nothing), unix.ENOENT),
		)
	}, vm.End())
}

func irqRefusals() error {
	without := with(func(m *vm.Machine, n *notify.Notifier) error {
		return refused("no interrupt controller", m.IRQFD(vm.IRQFD{FD: uint32(n.FD()), GSI: line}), unix.EINVAL)
	}, vm.End())
	return errors.Join(without, sleeping(0, func(s *sleeper) error {
		n, err := s.line(vm.IRQFD{})
		if err != nil {
			return err
		}
		defer n.Close()
		closed, err := closedNumber()
		e := vm.IRQFD{FD: uint32(n.FD()), GSI: line}
		flag, off, number, device, ended := e, e, e, e, e
		flag.Flags, off.Flags = 1<<9, vm.DeassignIRQ
		number.FD, device.FD = uint32(closed), uint32(s.Device())
		ended.Flags, ended.ResampleFD = vm.Resample, uint32(closed)
		return errors.Join(err,
			refused("the same eventfd again", s.IRQFD(e), unix.EBUSY),
			refused("a closed descriptor", s.IRQFD(number), unix.EBADF),
			refused("a closed descriptor to resample", s.IRQFD(ended), unix.EBADF),
			refused("not an eventfd", s.IRQFD(device), unix.EINVAL),
			refused("an unknown flag", s.IRQFD(flag), unix.EINVAL),
			s.IRQFD(off), s.IRQFD(off),
		)
	}))
}
