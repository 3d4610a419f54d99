package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/eventchan/eventchan/examples/kvm/vm"
	"github.com/eventchan/eventchan/notify"
)

// These are interrupt lines. If both are raised, the guest serves line first.
const (
	line     = 4
	lineLast = 5
)

// A sleeper is a guest that sleeps between interrupts, and answers each interrupt of line by writing to a port.
type sleeper struct {
	*vm.Machine
	answers  *notify.Notifier
	answered uint64
}

// line returns a new Notifier that raises the guest's line, with the flags of e.
func (s *sleeper) line(e vm.IRQFD) (*notify.Notifier, error) {
	n, err := notify.New()
	if err != nil {
		return nil, err
	}
	e.FD, e.GSI = uint32(n.FD()), line
	if err := s.IRQFD(e); err != nil {
		return nil, errors.Join(fmt.Errorf("KVM_IRQFD: %w", err), n.Close())
	}
	return n, nil
}

// answer waits until the guest has answered.
func (s *sleeper) answer() error {
	count, err := next(s.answers)
	s.answered += count
	return err
}

// sleeping runs fn while a sleeper runs, and checks that there were want answers. The guest must have counted as many
// interrupts in its memory as answers came through its ioeventfd.
func sleeping(want uint64, fn func(s *sleeper) error) (err error) {
	var all [4]*notify.Notifier
	for i := range all {
		if all[i], err = notify.New(); err != nil {
			return err
		}
		defer all[i].Close()
	}
	answers, up, last, end := all[0], all[1], all[2], all[3]
	m, err := vm.New(true, vm.Sleep(ready))
	if err != nil {
		return err
	}
	defer m.Close()
	m.OnInterrupt(line, pong)
	m.OnInterrupt(lineLast, settled)
	err = errors.Join(m.IOEventFD(vm.Port(pong, answers.FD())), m.IOEventFD(vm.Port(ready, up.FD())),
		m.IOEventFD(vm.Port(settled, end.FD())), m.IRQFD(vm.IRQFD{FD: uint32(last.FD()), GSI: lineLast}))
	if err != nil {
		return err
	}
	s := &sleeper{Machine: m, answers: answers}
	return s.beside(func() error {
		if err := nextIs(up, 1); err != nil {
			return fmt.Errorf("the guest does not start: %w", err)
		}
		if err := fn(s); err != nil {
			return err
		}
		// This line is raised last and served last: once it has been served, all others have been.
		if err := errors.Join(last.Notify(), nextIs(end, 1)); err != nil {
			return fmt.Errorf("the guest has stopped answering: %w", err)
		}
		return s.settle(want)
	})
}

// beside runs fn while the guest runs, and then stops the guest.
func (s *sleeper) beside(fn func() error) error {
	ended := make(chan error, 1)
	go func() { ended <- run(s.Machine) }()
	err := fn()
	s.Stop()
	if e := <-ended; !errors.Is(e, os.ErrClosed) {
		err = errors.Join(err, fmt.Errorf("the guest has ended: %w", e))
	}
	return err
}

// settle compares the guest's count of interrupts with its answers, when no more can come.
func (s *sleeper) settle(want uint64) error {
	rest, _ := s.answers.TryWait()
	s.answered += rest
	if got := s.Interrupts(line); got != s.answered || got != want {
		return fmt.Errorf("the guest has counted %d interrupts, its answers are %d, want %d", got, s.answered, want)
	}
	return nil
}
