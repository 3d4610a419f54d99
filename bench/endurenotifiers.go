//go:build linux

package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bench/internal/cpeer"
	"github.com/eventchan/eventchan/notify"
)

const (
	openPrivate     = 64 // at any time
	openHandles     = 256
	openDescriptor  = 16
	longestLife     = 500 // signals that an object receives before it is closed, at most
	goSenders       = 2
	longestOfSender = 128 // signals to one object before the next one's turn
	slotBytes       = 64
)

// privateSignals has goroutines signal Notifiers.
func privateSignals() (*load, error) {
	l := &load{title: "signals, private", received: make(receipts, openPrivate)}
	b := newNotifiers(openPrivate)
	l.live = liveNotifiers(l, func(place int) (*notify.Notifier, error) {
		n, err := notify.New()
		b.at[place].Store(n)
		return n, err
	})
	l.begin, l.end = b.senders(func(_, place int, n uint64) (uint64, error) { return b.notify(place, n) })
	return l, nil
}

// descriptorSignals has goroutines signal eventfds, by Notifiers, which come and go,
// and by write(2).
func descriptorSignals() (*load, error) {
	l := &load{title: "signals, FD", received: make(receipts, openDescriptor)}
	b := newNotifiers(openDescriptor)
	fds, closeAll, err := eventfds(openDescriptor, unix.EFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	l.free = closeAll
	l.live = liveNotifiers(l, func(place int) (*notify.Notifier, error) {
		fd, err := unix.FcntlInt(uintptr(fds[place]), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return nil, os.NewSyscallError("fcntl", err)
		}
		n, err := notify.FromFD(fd)
		if err != nil {
			unix.Close(fd)
			return nil, err
		}
		b.at[place].Store(n)
		return n, nil
	})
	l.begin, l.end = b.senders(func(turn, place int, n uint64) (uint64, error) {
		if turn%2 == 0 {
			return b.notify(place, n)
		}
		for range n {
			add(fds[place])
		}
		return n, nil
	})
	return l, nil
}

// handleSignals has C threads signal through handles.
func handleSignals() (*load, error) {
	l := &load{title: "signals, handle", received: make(receipts, openHandles), bytes: slotBytes}
	b, err := newThreads(openHandles)
	if err != nil {
		return nil, err
	}
	l.live = liveNotifiers(l, func(place int) (*notify.Notifier, error) {
		n, line, err := handle.notifier()
		if err == nil {
			b.board.Put(place, line.Handle)
		}
		return n, err
	})
	l.begin = func() error { return b.start(b.board.Signal) }
	l.end, l.free = b.end, b.board.Free
	return l, nil
}

// threads are C threads that use a board of handles, one at a time in each place.
type threads struct {
	board *cpeer.Board
	all   []*cpeer.Thread
}

func newThreads(places int) (*threads, error) {
	t := &threads{board: cpeer.NewBoard(places)}
	if t.board == nil {
		return nil, cpeer.ErrUnavailable
	}
	return t, nil
}

func (t *threads) start(one func(i int) (*cpeer.Thread, error)) error {
	for i := range mostSignalers {
		thread, err := one(i)
		if err != nil {
			return err
		}
		t.all = append(t.all, thread)
	}
	return nil
}

func (t *threads) end() (sent, late uint64, err error) {
	t.board.Stop()
	for _, thread := range t.all {
		if _, err := thread.Join(); err != nil {
			return 0, 0, err
		}
		s, l := thread.Tally()
		sent, late = sent+s, late+l
	}
	return sent, late, nil
}

// notifiers are where goroutines find what they signal.
type notifiers struct {
	at         []atomic.Pointer[notify.Notifier]
	stop       atomic.Bool
	sent, late atomic.Uint64
}

func newNotifiers(places int) *notifiers {
	return &notifiers{at: make([]atomic.Pointer[notify.Notifier], places)}
}

// notify signals the Notifier of a place n times, or until it is closed, and returns
// how often.
func (b *notifiers) notify(place int, n uint64) (sent uint64, err error) {
	to := b.at[place].Load()
	if to == nil {
		return 0, nil // its goroutine has not run yet
	}
	for ; sent < n; sent++ {
		if err := to.Notify(); errors.Is(err, os.ErrClosed) {
			b.late.Add(1)
			break
		} else if err != nil {
			return sent, err
		}
	}
	return sent, nil
}

// senders returns what begins and ends goroutines that send bursts to random places.
// For an eighth of the time they send once, with a pause after it, in which all
// receivers go to sleep.
func (b *notifiers) senders(send func(turn, place int, n uint64) (uint64, error)) (begin func() error, end func() (uint64, uint64, error)) {
	const phase, phases, pause = 10 * time.Millisecond, 8, 20 * time.Microsecond
	ended := make(chan error, goSenders)
	one := func() error {
		for turn := 0; !b.stop.Load(); turn++ {
			oneByOne := time.Now().UnixNano()/int64(phase)%phases == 0
			n := 1 + rand.Uint64N(longestOfSender)
			if oneByOne {
				n = 1
			}
			sent, err := send(turn, rand.IntN(len(b.at)), n)
			b.sent.Add(sent)
			if err != nil {
				return err
			}
			if oneByOne {
				time.Sleep(pause)
			}
		}
		return nil
	}
	begin = func() error {
		for range goSenders {
			go func() { ended <- one() }()
		}
		return nil
	}
	end = func() (uint64, uint64, error) {
		b.stop.Store(true)
		var err error
		for range goSenders {
			err = errors.Join(err, <-ended)
		}
		return b.sent.Load(), b.late.Load(), err
	}
	return begin, end
}

// liveNotifiers is the live of a load of Notifiers, which open makes for a place.
func liveNotifiers(l *load, open func(place int) (*notify.Notifier, error)) func(context.Context, int) error {
	return func(ctx context.Context, place int) error {
		for ctx.Err() == nil {
			n, err := open(place)
			if err != nil {
				return err
			}
			l.made.Add(1)
			r := notifierReceiver{n, &l.received[place].n}
			switch place % 3 {
			case 0:
				r.receive(func() (uint64, error) { return n.Wait(ctx) })
			case 1:
				r.receive(func() (uint64, error) { return r.fromC(ctx) })
			default:
				r.receiveUntilClosed(ctx)
			}
			if err := r.close(); err != nil {
				return err
			}
		}
		return nil
	}
}

// A notifierReceiver is the goroutine that receives from one Notifier.
type notifierReceiver struct {
	n        *notify.Notifier
	received *atomic.Uint64
}

func (r notifierReceiver) fromC(ctx context.Context) (uint64, error) {
	select {
	case count := <-r.n.C():
		return count, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// receive takes signals until there have been a random number of them, or wait fails.
func (r notifierReceiver) receive(wait func() (uint64, error)) {
	for most := rand.Uint64N(longestLife); ; {
		count, err := wait()
		r.received.Add(count)
		if err != nil || count >= most {
			return
		}
		most -= count
	}
}

// receiveUntilClosed waits while another goroutine calls Close. It calls C first:
// if no goroutine is in Wait during Close, Close sends what is pending through C.
func (r notifierReceiver) receiveUntilClosed(ctx context.Context) {
	r.n.C()
	end := time.AfterFunc(rand.N(20*time.Millisecond), func() { r.n.Close() })
	defer end.Stop()
	for {
		count, err := r.n.Wait(ctx)
		r.received.Add(count)
		if err != nil {
			return
		}
	}
}

// close closes the Notifier and receives what was pending.
func (r notifierReceiver) close() error {
	c := r.n.C()
	if err := r.n.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	for count := range c {
		r.received.Add(count)
	}
	return nil
}
