//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bench/internal/cpeer"
	"github.com/eventchan/eventchan/bridge/queue"
)

// conduits lists the ways. What a callback has to wait for is a channel with room or
// a condition variable; a C thread that finds no room in a queue or an array calls
// sched_yield(2) and tries again.
func conduits[T value]() []struct {
	name string
	open func() (conduit[T], error)
} {
	return []struct {
		name string
		open func() (conduit[T], error)
	}{
		{callbackRow, overCallback[T]},
		{sliceRow, overSlice[T]},
		{arrayRow, overArray[T]},
		{pipeRow, overPipe[T]},
		{batchRow, overBatches[T]},
		{queueCRow, overC[T]},
	}
}

func overCallback[T value]() (conduit[T], error) {
	c := make(chan T, room)
	cpeer.SetValueCallee(func(v unsafe.Pointer) { c <- *(*T)(v) })
	return conduit[T]{route: cpeer.ValueCallback, receive: fromChannel(c), stop: func() {}}, nil
}

func fromChannel[T value](c <-chan T) func(*ledger[T], uint64) error {
	return func(l *ledger[T], n uint64) error {
		for l.received < n {
			v := <-c
			l.enter(&v)
		}
		return nil
	}
}

// A swapped is a slice that callbacks fill and the receiver swaps for an empty one.
type swapped[T value] struct {
	mu      sync.Mutex
	vacant  sync.Cond // after a slice that was full has been swapped
	filling []T
	woken   chan struct{} // has room for one: filling has a value
}

func overSlice[T value]() (conduit[T], error) {
	s := &swapped[T]{filling: make([]T, 0, room), woken: make(chan struct{}, 1)}
	s.vacant.L = &s.mu
	cpeer.SetValueCallee(func(v unsafe.Pointer) { s.put((*T)(v)) })
	taken := make([]T, 0, room)
	return conduit[T]{
		route: cpeer.ValueCallback,
		receive: func(l *ledger[T], n uint64) error {
			for l.received < n {
				taken = s.swap(taken)
				l.enterAll(taken)
			}
			return nil
		},
		stop: func() {},
	}, nil
}

func (s *swapped[T]) put(v *T) {
	s.mu.Lock()
	for len(s.filling) == room {
		s.vacant.Wait()
	}
	s.filling = append(s.filling, *v)
	first := len(s.filling) == 1
	s.mu.Unlock()
	if first {
		select {
		case s.woken <- struct{}{}:
		default:
		}
	}
}

// swap waits until there are values and takes them all.
func (s *swapped[T]) swap(empty []T) []T {
	<-s.woken
	s.mu.Lock()
	taken := s.filling
	s.filling = empty[:0]
	s.mu.Unlock()
	if len(taken) == room {
		s.vacant.Broadcast()
	}
	return taken
}

func overArray[T value]() (conduit[T], error) {
	n, line, err := handle.notifier()
	if err != nil {
		return conduit[T]{}, err
	}
	a := cpeer.NewArray(room, size[T](), line.Handle)
	if a == nil {
		n.Close()
		return conduit[T]{}, cpeer.ErrUnavailable
	}
	return conduit[T]{
		route: cpeer.Route{Array: a},
		receive: func(l *ledger[T], want uint64) error {
			for l.received < want {
				if _, err := n.Wait(context.Background()); err != nil {
					return err
				}
				values, k := a.Take()
				l.enterAll(unsafe.Slice((*T)(values), k))
			}
			return nil
		},
		stop: func() { n.Close(); a.Free() },
	}, nil
}

// overPipe has a write(2) for each value, and a read(2) for as many as there are.
func overPipe[T value]() (conduit[T], error) {
	r, w, err := os.Pipe()
	if err != nil {
		return conduit[T]{}, err
	}
	fd, err := writeEnd(w)
	if err == nil {
		// More than a process may have without privileges is refused. Then it gets as much
		// as it may have, and otherwise keeps what it has.
		for bytes := room * size[T](); bytes > 64<<10; bytes /= 2 {
			if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, bytes); err == nil {
				break
			}
		}
	}
	buf := make([]T, batch)
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(&buf[0])), batch*size[T]())
	return conduit[T]{
		route: cpeer.Route{FD: fd},
		receive: func(l *ledger[T], n uint64) error {
			for l.received < n {
				k, err := r.Read(bytes)
				if err != nil {
					return err
				}
				if k%size[T]() != 0 {
					return fmt.Errorf("read(2) returned %d bytes, a part of a value", k)
				}
				l.enterAll(buf[:k/size[T]()])
			}
			return nil
		},
		stop: func() { r.Close(); w.Close() },
	}, err
}

// newQueue returns a Queue that C threads can send to.
func newQueue[T value](capacity int) (*queue.Queue[T], unsafe.Pointer, error) {
	q, err := queue.New[T](capacity)
	if err != nil {
		return nil, nil, err
	}
	h := q.Handle()
	if h == nil {
		q.Close()
		return nil, nil, fmt.Errorf("%w, or there is no descriptor for the doorbell", cpeer.ErrUnavailable)
	}
	return q, h, nil
}

func overBatches[T value]() (conduit[T], error) {
	q, h, err := newQueue[T](room)
	if err != nil {
		return conduit[T]{}, err
	}
	buf := make([]T, batch)
	return conduit[T]{
		route: cpeer.Route{Queue: h},
		receive: func(l *ledger[T], n uint64) error {
			for l.received < n {
				k, err := q.ReceiveBatch(context.Background(), buf)
				if err != nil {
					return err
				}
				l.enterAll(buf[:k])
			}
			return nil
		},
		stop: func() { q.Close() },
	}, nil
}

func overC[T value]() (conduit[T], error) {
	q, h, err := newQueue[T](room)
	if err != nil {
		return conduit[T]{}, err
	}
	return conduit[T]{route: cpeer.Route{Queue: h}, receive: fromChannel(q.C()), stop: func() { q.Close() }}, nil
}
