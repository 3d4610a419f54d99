//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"time"

	"github.com/eventchan/eventchan/bench/internal/cpeer"
	"github.com/eventchan/eventchan/bridge/queue"
)

const (
	openQueues     = 12 // at any time
	placesOfQueue  = 1024
	longestOfQueue = 100_000 // values that are received before a queue is closed, about
	longestTime    = 20 * time.Millisecond
	// closedQueues is how many queues of a place may get late sends. A thread that is
	// not scheduled for the time of so many lives could make Refused grow after that.
	closedQueues = 256
	headerBytes  = 4096
)

// A valueEndurance is a load of queues of several sizes.
type valueEndurance struct {
	*load
	*threads
	books [openQueues]book
}

// A book is what one place has received of each thread.
type book struct {
	counts, squares [mostSignalers]uint64
	wrong           uint64 // values out of order, or damaged
	closed          []interface{ Refused() uint64 }
	refused         uint64 // of queues that are no longer in closed
	_               [64]byte
}

// close notes that a queue is not sent to any more, but for late sends.
func (b *book) close(q interface{ Refused() uint64 }) {
	b.closed = append(b.closed, q)
	if len(b.closed) > closedQueues {
		b.refused += b.closed[0].Refused()
		b.closed[0], b.closed = nil, b.closed[1:]
	}
}

// queueValues has C threads send values through queues. Its check returns an error if
// values of one thread are received in another order, and if one is lost, comes twice
// or is received though it was refused, even if the number of values is right.
func queueValues() (*load, error) {
	t, err := newThreads(openQueues)
	if err != nil {
		return nil, err
	}
	l := &load{title: "values, queue", received: make(receipts, openQueues), bytes: slotBytes + headerBytes}
	e := &valueEndurance{load: l, threads: t}
	sizes := make([]int, openQueues)
	for i := range sizes {
		sizes[i] = []int{size[value16](), size[value64](), size[value256]()}[i%3]
	}
	l.live = func(ctx context.Context, place int) error {
		switch place % 3 {
		case 0:
			return liveQueue[value16](ctx, e, place)
		case 1:
			return liveQueue[value64](ctx, e, place)
		}
		return liveQueue[value256](ctx, e, place)
	}
	l.begin = func() error {
		return t.start(func(i int) (*cpeer.Thread, error) { return t.board.Send(i, sizes) })
	}
	l.end, l.check, l.free = t.end, e.compare, t.board.Free
	return l, nil
}

// compare compares the books with what the threads know.
func (e *valueEndurance) compare() error {
	var refused, counted uint64
	for i, t := range e.all {
		var count, squares uint64
		for k := range e.books {
			count += e.books[k].counts[i]
			squares += e.books[k].squares[i]
		}
		accepted, _ := t.Tally()
		if err := conserved(accepted, count); err != nil {
			return fmt.Errorf("thread %d: %w", i, err)
		}
		if squares != t.Squares() {
			return fmt.Errorf("thread %d: values were received that are not those that were accepted", i)
		}
		refused += t.Refused()
	}
	for k := range e.books {
		b := &e.books[k]
		if b.wrong > 0 {
			return fmt.Errorf("%d values were out of order or damaged", b.wrong)
		}
		counted += b.refused
		for _, q := range b.closed {
			counted += q.Refused()
		}
	}
	if refused != counted {
		return fmt.Errorf("the queues counted %d values that they refused, not %d", counted, refused)
	}
	return nil
}

// liveQueue makes queues for a place, one after the other, and closes each while
// threads send through it.
func liveQueue[T value](ctx context.Context, e *valueEndurance, place int) error {
	for turn := place; ctx.Err() == nil; turn++ {
		q, h, err := newQueue[T](placesOfQueue)
		if err != nil {
			return err
		}
		e.made.Add(1)
		e.board.Put(place, h)
		r := &recipient[T]{q: q, book: &e.books[place], received: &e.received[place].n, buf: make([]T, batch)}
		switch turn % 4 {
		case 0:
			r.wait, r.brief = r.one, true
		case 1:
			r.wait, r.brief = r.fromC, true
		default:
			r.wait = r.several
		}
		if turn/4%2 == 0 {
			err = r.receive(ctx)
		} else {
			err = r.receiveUntilClosed(ctx)
		}
		if err != nil {
			return err
		}
		e.books[place].close(q)
	}
	return nil
}

// A recipient is the goroutine that receives from one queue.
type recipient[T value] struct {
	q        *queue.Queue[T]
	wait     func(ctx context.Context) (int, error)
	brief    bool // one at a time, and so less of them
	book     *book
	received *atomic.Uint64
	next     [mostSignalers]uint64 // number of a value at least
	buf      []T
}

// life returns how many values r receives, and how long that takes, at most.
func (r *recipient[T]) life() (int, time.Duration) {
	if r.brief {
		return rand.IntN(longestOfQueue / 16), rand.N(longestTime / 16)
	}
	return rand.IntN(longestOfQueue), rand.N(longestTime)
}

// receive waits until there has been a random number of values, calls Close and
// receives what is left.
func (r *recipient[T]) receive(ctx context.Context) error {
	for most, _ := r.life(); most >= 0 && ctx.Err() == nil; {
		n, err := r.wait(ctx)
		if err != nil && ctx.Err() == nil {
			return err
		}
		r.received.Add(uint64(n))
		most -= n
	}
	if err := r.q.Close(); err != nil {
		return err
	}
	return r.drain()
}

// receiveUntilClosed waits while another goroutine calls Close.
func (r *recipient[T]) receiveUntilClosed(ctx context.Context) error {
	closed := make(chan error, 1)
	go func() {
		_, most := r.life()
		select {
		case <-time.After(most):
		case <-ctx.Done():
		}
		closed <- r.q.Close()
	}()
	return errors.Join(r.drain(), <-closed)
}

// drain receives until nothing is left of a closed queue.
func (r *recipient[T]) drain() error {
	for {
		n, err := r.wait(context.Background())
		r.received.Add(uint64(n))
		if errors.Is(err, os.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *recipient[T]) one(ctx context.Context) (int, error) {
	v, err := r.q.Receive(ctx)
	if err != nil {
		return 0, err
	}
	r.enter(&v)
	return 1, nil
}

func (r *recipient[T]) several(ctx context.Context) (int, error) {
	n, err := r.q.ReceiveBatch(ctx, r.buf)
	for i := range n {
		r.enter(&r.buf[i])
	}
	return n, err
}

func (r *recipient[T]) fromC(ctx context.Context) (int, error) {
	select {
	case v, ok := <-r.q.C():
		if !ok {
			return 0, os.ErrClosed
		}
		r.enter(&v)
		return 1, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// enter checks a value of a thread that also sends to other queues.
func (r *recipient[T]) enter(v *T) {
	number, thread := (*v)[0], (*v)[1]%mostSignalers
	if number < r.next[thread] || len(*v) > 2 && (*v)[len(*v)-1] != number {
		r.book.wrong++
	}
	r.next[thread] = number + 1
	r.book.counts[thread]++
	r.book.squares[thread] += number * number
}
