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

// endure has C threads signal through handles until the given number of signals has
// been received. The handles are made and closed all the time, and the threads use
// them after Close, too. endure returns an error in each of these cases:
//   - The sum of what was received is not the sum of what eventchan_add accepted.
//   - A wake-up is lost.
//   - Descriptors or goroutines are left behind.
func endure(w io.Writer, signals uint64) error {
	// What the process opens once for all handles is not left behind.
	first, _, err := handle.notifier()
	if err != nil {
		return err
	}
	defer first.Close()
	before, err := held()
	if err != nil {
		return err
	}
	e := endurance{board: cpeer.NewBoard(openHandles)}
	if e.board == nil {
		return cpeer.ErrUnavailable
	}
	defer e.board.Free()
	begin := time.Now()
	accepted, late, err := e.run(signals)
	if err != nil {
		return err
	}
	elapsed := time.Since(begin)
	after, err := heldAfter(before)
	if err != nil {
		return err
	}
	received := e.received()
	fmt.Fprintf(w, "signals received    %d, by handle from %d C threads, in %.1f s\n", received, mostSignallers, elapsed.Seconds())
	fmt.Fprintf(w, "signals accepted    %d\n", accepted)
	fmt.Fprintf(w, "signals after Close %d\n", late)
	fmt.Fprintf(w, "signals per second  %.0f\n", float64(received)/elapsed.Seconds())
	fmt.Fprintf(w, "handles made        %d\n", e.made.Load())
	fmt.Fprintf(w, "descriptors         %d at the start, %d at the end\n", before.descriptors, after.descriptors)
	fmt.Fprintf(w, "goroutines          %d at the start, %d at the end\n", before.goroutines, after.goroutines)
	if after.descriptors > before.descriptors || after.goroutines > before.goroutines {
		return errors.New("descriptors or goroutines were left behind")
	}
	return conserved(accepted, received)
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

// An endurance is a board of handles, one at a time in each place.
type endurance struct {
	board  *cpeer.Board
	places [openHandles]struct {
		received atomic.Uint64
		_        [56]byte // a cache line each
	}
	made atomic.Uint64
}

func (e *endurance) received() (sum uint64) {
	for i := range e.places {
		sum += e.places[i].received.Load()
	}
	return sum
}

// run returns how many signals eventchan_add accepted, and how many came after
// Close. When it returns, goroutines have received all that were accepted.
func (e *endurance) run(signals uint64) (accepted, late uint64, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	failed := make(chan error, openHandles)
	var lives sync.WaitGroup
	for i := range openHandles {
		lives.Go(func() {
			if err := e.live(ctx, i); err != nil {
				failed <- err
			}
		})
	}
	var threads []*cpeer.Thread
	for i := range mostSignallers {
		t, err := e.board.Signal(i)
		if err != nil {
			return 0, 0, err
		}
		threads = append(threads, t)
	}
	if err := e.await(signals, failed); err != nil {
		return 0, 0, err
	}
	e.board.Stop()
	for _, t := range threads {
		if _, err := t.Join(); err != nil {
			return 0, 0, err
		}
		a, l := t.Tally()
		accepted, late = accepted+a, late+l
	}
	// The goroutines still wait as before: nothing but the signals themselves
	// makes them look.
	for patient := time.Now(); e.received() != accepted; time.Sleep(time.Millisecond) {
		if time.Since(patient) > patience {
			return 0, 0, fmt.Errorf("a wake-up was lost: %w", conserved(accepted, e.received()))
		}
	}
	cancel()
	lives.Wait()
	select {
	case err := <-failed:
		return 0, 0, err
	default:
		return accepted, late, nil
	}
}

// await returns when the given number of signals has been received. It returns an
// error if a goroutine has failed, or if a place receives nothing for a long time.
func (e *endurance) await(signals uint64, failed <-chan error) error {
	var last [openHandles]struct {
		received uint64
		at       time.Time
	}
	for e.received() < signals {
		select {
		case err := <-failed:
			return err
		case now := <-time.After(10 * time.Millisecond):
			for i := range last {
				received := e.places[i].received.Load()
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

// live makes handles for a place, one after the other, and closes each while
// threads signal through it.
func (e *endurance) live(ctx context.Context, place int) error {
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
			e.places[place].received.Add(count)
		}
	}
	return nil
}

// receive takes signals of a handle until there have been a random number of them,
// or wait fails.
func (e *endurance) receive(place int, wait func() (uint64, error)) {
	for most := rand.Uint64N(longestLife); ; {
		count, err := wait()
		e.places[place].received.Add(count)
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
		e.places[place].received.Add(count)
		if err != nil {
			return
		}
	}
}
