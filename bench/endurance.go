//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eventchan/eventchan/bench/internal/cpeer"
	"github.com/eventchan/eventchan/notify"
)

const (
	openHandles = 256 // at any time
	longestLife = 500 // signals that a handle receives before it is closed, at most
	// patience is how long an open handle may receive nothing, though all threads
	// signal through it again and again.
	patience = 30 * time.Second
)

// An endurance is a board of handles, one at a time in each place, and C threads that
// use them.
type endurance struct {
	what  string // "signals" or "values"
	board *cpeer.Board
	// live makes handles for a place, one after the other, and closes each while
	// threads use it.
	live  func(ctx context.Context, place int) error
	start func(i int) (*cpeer.Thread, error)

	received receipts
	made     atomic.Uint64 // handles
}

func newEndurance(what string, places int) (*endurance, error) {
	e := &endurance{what: what, board: cpeer.NewBoard(places), received: make(receipts, places)}
	if e.board == nil {
		return nil, cpeer.ErrUnavailable
	}
	return e, nil
}

// Receipts count what each place has received.
type receipts []struct {
	n atomic.Uint64
	_ [56]byte // a cache line each
}

func (r receipts) sum() (sum uint64) {
	for i := range r {
		sum += r[i].n.Load()
	}
	return sum
}

// endure lets C threads send until n signals or values have been received. The
// handles are made and closed all the time, and the threads use them after Close, too.
// endure returns an error in each of these cases:
//   - Not as many were received as were accepted.
//   - A wake-up is lost.
//   - Descriptors or goroutines are left behind.
func (e *endurance) endure(w io.Writer, n uint64) ([]*cpeer.Thread, error) {
	defer e.board.Free()
	// What the process opens once for all handles is not left behind.
	first, _, err := handle.notifier()
	if err != nil {
		return nil, err
	}
	defer first.Close()
	before, err := held()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	threads, err := e.run(n)
	if err != nil {
		return nil, err
	}
	elapsed := time.Since(begin)
	after, err := heldAfter(before)
	if err != nil {
		return nil, err
	}
	accepted, late := tally(threads)
	received := e.received.sum()
	line := func(what, format string, args ...any) {
		fmt.Fprintf(w, "%-19s "+format+"\n", append([]any{what}, args...)...)
	}
	line(e.what+" received", "%d, by handle from %d C threads, in %.1f s", received, mostSignallers, elapsed.Seconds())
	line(e.what+" accepted", "%d", accepted)
	line(e.what+" after Close", "%d", late)
	line(e.what+" per second", "%.0f", float64(received)/elapsed.Seconds())
	line("handles made", "%d", e.made.Load())
	line("descriptors", "%d at the start, %d at the end", before.descriptors, after.descriptors)
	line("goroutines", "%d at the start, %d at the end", before.goroutines, after.goroutines)
	if after.descriptors > before.descriptors || after.goroutines > before.goroutines {
		return nil, errors.New("descriptors or goroutines were left behind")
	}
	return threads, conserved(accepted, received)
}

// tally returns how much the threads have sent, and how much came after Close.
func tally(threads []*cpeer.Thread) (accepted, late uint64) {
	for _, t := range threads {
		a, l := t.Tally()
		accepted, late = accepted+a, late+l
	}
	return accepted, late
}

// holdings are what a process could run out of.
type holdings struct{ descriptors, goroutines int }

func held() (holdings, error) {
	descriptors, err := openDescriptors()
	return holdings{descriptors, runtime.NumGoroutine()}, err
}

// heldAfter gives goroutines that are about to end a second to do so.
func heldAfter(before holdings) (after holdings, err error) {
	for range 1000 {
		after, err = held()
		if err != nil || after.goroutines <= before.goroutines {
			break
		}
		time.Sleep(time.Millisecond)
	}
	return after, err
}

// run returns the threads, which have ended. When it returns, goroutines have received
// all that was accepted.
func (e *endurance) run(n uint64) ([]*cpeer.Thread, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	failed := make(chan error, len(e.received))
	var lives sync.WaitGroup
	for i := range e.received {
		lives.Go(func() {
			if err := e.live(ctx, i); err != nil {
				failed <- err
			}
		})
	}
	var threads []*cpeer.Thread
	for i := range mostSignallers {
		t, err := e.start(i)
		if err != nil {
			return nil, err
		}
		threads = append(threads, t)
	}
	if err := e.await(n, failed); err != nil {
		return nil, err
	}
	e.board.Stop()
	for _, t := range threads {
		if _, err := t.Join(); err != nil {
			return nil, err
		}
	}
	// The goroutines still wait as before: nothing but the signals or values
	// themselves makes them look.
	accepted, _ := tally(threads)
	for patient := time.Now(); e.received.sum() != accepted; time.Sleep(time.Millisecond) {
		select {
		case err := <-failed:
			return nil, err
		default:
		}
		if time.Since(patient) > patience {
			return nil, fmt.Errorf("a wake-up was lost: %w", conserved(accepted, e.received.sum()))
		}
	}
	cancel()
	lives.Wait()
	select {
	case err := <-failed:
		return nil, err
	default:
		return threads, nil
	}
}

// await returns when n have been received. It returns an error if a goroutine has
// failed, or if a place receives nothing for a long time.
func (e *endurance) await(n uint64, failed <-chan error) error {
	last := make([]struct {
		received uint64
		at       time.Time
	}, len(e.received))
	for e.received.sum() < n {
		select {
		case err := <-failed:
			return err
		case now := <-time.After(10 * time.Millisecond):
			for i := range last {
				received := e.received[i].n.Load()
				if received != last[i].received || last[i].at.IsZero() {
					last[i].received, last[i].at = received, now
				}
				if now.Sub(last[i].at) > patience {
					return fmt.Errorf("place %d has received nothing for %v", i, patience)
				}
			}
		}
	}
	return nil
}

// endureSignals is endure for signals of Notifiers.
func endureSignals(w io.Writer, n uint64) error {
	e, err := newEndurance("signals", openHandles)
	if err != nil {
		return err
	}
	e.live, e.start = e.liveNotifier, e.board.Signal
	_, err = e.endure(w, n)
	return err
}

func (e *endurance) liveNotifier(ctx context.Context, place int) error {
	for ctx.Err() == nil {
		n, line, err := handle.notifier()
		if err != nil {
			return err
		}
		e.made.Add(1)
		e.board.Put(place, line.Handle)
		switch place % 3 {
		case 0:
			e.receive(place, func() (uint64, error) { return n.Wait(ctx) })
		case 1:
			c := n.C()
			e.receive(place, func() (uint64, error) {
				select {
				case count := <-c:
					return count, nil
				case <-ctx.Done():
					return 0, ctx.Err()
				}
			})
		default:
			e.receiveUntilClosed(ctx, place, n)
		}
		c := n.C()
		if err := n.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			return err
		}
		for count := range c {
			e.received[place].n.Add(count)
		}
	}
	return nil
}

// receive takes signals of a handle until there have been a random number of them,
// or wait fails.
func (e *endurance) receive(place int, wait func() (uint64, error)) {
	for most := rand.Uint64N(longestLife); ; {
		count, err := wait()
		e.received[place].n.Add(count)
		if err != nil || count >= most {
			return
		}
		most -= count
	}
}

// receiveUntilClosed waits while another goroutine calls Close. It calls C first:
// if no goroutine is in Wait during Close, Close sends what is pending through C.
func (e *endurance) receiveUntilClosed(ctx context.Context, place int, n *notify.Notifier) {
	n.C()
	end := time.AfterFunc(rand.N(20*time.Millisecond), func() { n.Close() })
	defer end.Stop()
	for {
		count, err := n.Wait(ctx)
		e.received[place].n.Add(count)
		if err != nil {
			return
		}
	}
}
