//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
)

const (
	openSets       = 4 // at any time
	membersOfSet   = 32
	longestOfSet   = 20_000 // writes to the members of a Set before it is closed, at most
	longestOfWrite = 8      // writes to one member before the next one's turn, at most
	memberLife     = 32     // turns that a member gets until another takes its place, about
)

// A setEndurance is a load of Sets of eventfds. A goroutine writes to the members of
// each Set, and replaces one now and then; another one Waits and reads them.
type setEndurance struct {
	*load
	stop    atomic.Bool
	writing sync.WaitGroup
	sent    atomic.Uint64
}

// setSignals counts signals that are read from eventfds which a Set says are ready.
func setSignals() (*load, error) {
	e := &setEndurance{load: &load{title: "signals, Set", received: make(receipts, openSets)}}
	e.writing.Add(openSets)
	e.live = func(ctx context.Context, place int) error {
		defer e.writing.Done()
		for !e.stop.Load() {
			if err := e.one(&e.received[place].n); err != nil {
				return err
			}
		}
		return nil
	}
	e.begin = func() error { return nil }
	e.end = func() (uint64, uint64, error) {
		e.stop.Store(true)
		e.writing.Wait()
		return e.sent.Load(), 0, nil
	}
	return e.load, nil
}

// one is the life of a Set. It returns an error if a signal is lost.
func (e *setEndurance) one(received *atomic.Uint64) (err error) {
	s, err := bridge.NewSet[*member]()
	if err != nil {
		return err
	}
	l := &setLife{set: s, made: &e.made, received: received}
	ended := make(chan error, 1)
	go func() { ended <- l.receive() }()
	for i := range l.members {
		err = errors.Join(err, l.add(i))
	}
	for most := rand.IntN(longestOfSet); err == nil && most > 0 && !e.stop.Load(); {
		i, n := rand.IntN(membersOfSet), 1+rand.IntN(longestOfWrite)
		for range n {
			l.members[i].write()
		}
		e.sent.Add(uint64(n))
		l.sent += uint64(n)
		most -= n
		if rand.IntN(membersOfSet*memberLife) == 0 {
			err = errors.Join(l.remove(i), l.add(i))
		}
		if rand.IntN(64) == 0 {
			time.Sleep(20 * time.Microsecond) // so that the receiver goes to sleep
		}
	}
	err = errors.Join(err, l.awaitRest())
	for i := range l.members {
		err = errors.Join(err, l.remove(i))
	}
	return errors.Join(err, s.Close(), <-ended)
}

// A setLife is one Set and its members.
type setLife struct {
	set      *bridge.Set[*member]
	members  [membersOfSet]*member
	made     *atomic.Uint64
	received *atomic.Uint64
	sent     uint64
	taken    atomic.Uint64
}

// receive reads what the Set says is ready until the Set is closed.
func (l *setLife) receive() error {
	var ready [membersOfSet / 2]bridge.Event[*member]
	for {
		n, err := l.set.Wait(context.Background(), ready[:])
		if errors.Is(err, os.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, ev := range ready[:n] {
			l.take(ev.Key)
		}
	}
}

// take reads a member.
func (l *setLife) take(m *member) {
	count := m.read()
	l.received.Add(count)
	l.taken.Add(count)
}

// awaitRest returns when all that was written has been read.
func (l *setLife) awaitRest() error {
	for watch := (runningTime{}); l.taken.Load() != l.sent; time.Sleep(20 * time.Microsecond) {
		if watch.look() > patience {
			return fmt.Errorf("a Set does not report that a member is ready: %w", conserved(l.sent, l.taken.Load()))
		}
	}
	return nil
}

func (l *setLife) add(i int) error {
	fd, err := newEventfd(unix.EFD_NONBLOCK)
	if err != nil {
		return err
	}
	l.members[i] = &member{fd: fd}
	l.made.Add(1)
	return l.set.Add(fd, bridge.Readable, l.members[i])
}

// remove takes a member out of the Set and closes it. The Set may have reported
// that it is ready just before.
func (l *setLife) remove(i int) error {
	m := l.members[i]
	if m == nil {
		return nil // it could not be added
	}
	err := l.set.Remove(m.fd)
	l.take(m)
	return errors.Join(err, m.close())
}

// A member is an eventfd that one goroutine writes to and closes, and another reads.
type member struct {
	mu sync.Mutex
	fd int // negative once it is closed
}

// write adds 1. The goroutine that calls it is the one that closes.
func (m *member) write() { add(m.fd) }

// read returns what is there, also nothing.
func (m *member) read() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fd < 0 {
		return 0
	}
	count, err := take(m.fd)
	if err != nil {
		return 0 // EAGAIN: it has been read since it became ready
	}
	return count
}

func (m *member) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	fd := m.fd
	m.fd = -1
	return os.NewSyscallError("close", unix.Close(fd))
}
