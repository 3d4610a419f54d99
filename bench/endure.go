//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// patience is how long objects in use may receive nothing, though all senders
// signal them again and again.
const patience = 30 * time.Second

// A runningTime adds up the time between looks at it. A long time counts as a tenth of a
// second: then the process, or the machine, was stopped.
type runningTime struct {
	last  time.Time
	total time.Duration
}

func (s *runningTime) look() time.Duration {
	now := time.Now()
	if !s.last.IsZero() {
		s.total += min(now.Sub(s.last), time.Second/10)
	}
	s.last = now
	return s.total
}

// An extent is how long to endure: a time, or a number that each load receives. The
// zero value is not at all.
type extent struct {
	time   time.Duration
	number uint64
}

func (e *extent) String() string {
	if e.number > 0 {
		return strconv.FormatUint(e.number, 10)
	}
	return e.time.String()
}

// Set is for package flag.
func (e *extent) Set(s string) error {
	if d, err := time.ParseDuration(s); err == nil && d > 0 {
		*e = extent{time: d}
		return nil
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || n < 1 || n > 1e18 {
		return errors.New("neither a time nor a number")
	}
	*e = extent{number: uint64(n)}
	return nil
}

// A load is objects, one after the other in each of its places, and senders that use
// them, also after Close. What each sender sends is what some goroutine receives.
type load struct {
	title string
	// live makes an object for a place, receives from it and closes it while senders
	// use it, and begins anew until ctx ends.
	live func(ctx context.Context, place int) error
	// begin starts the senders, and end ends them. They have sent what end returns.
	begin func() error
	end   func() (sent, late uint64, err error)
	// check compares more than sums. It is nil if there is no more.
	check func() error
	// free is called last. It is nil if there is nothing to do.
	free func()

	received receipts
	made     atomic.Uint64 // objects
	bytes    uint64        // that an object leaves behind
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

// loads lists all of them.
func loads() []func() (*load, error) {
	return []func() (*load, error){privateSignals, handleSignals, descriptorSignals, queueValues, setSignals}
}

// endure runs the loads whose titles match concurrently and prints how they fare. It
// returns an error in each of these cases:
//   - Not as many were received as were sent, or values are not those that were sent.
//   - A wake-up is lost.
//   - Descriptors or goroutines are left behind.
//   - Descriptors, goroutines, threads or the heap grow without bound; see growth.
func endure(w io.Writer, e extent, only *regexp.Regexp) error {
	// What the process opens once for all is not left behind.
	for _, m := range modes {
		first, _, err := m.notifier()
		if err != nil {
			return err
		}
		first.C()
		defer first.Close()
	}
	before, err := hold()
	if err != nil {
		return err
	}
	var all []*load
	for _, open := range loads() {
		l, err := open()
		if err != nil {
			return err
		}
		if only.MatchString(l.title) {
			all = append(all, l)
		} else if l.free != nil {
			l.free()
		}
	}
	r := newReport(w, all)
	if err := r.run(e); err != nil {
		return err
	}
	after, err := holdAfter(before)
	if err != nil {
		return err
	}
	if err := r.growth.check(r.leftBehind()); err != nil {
		return err
	}
	r.println("at the start, %v", before)
	r.println("at the end, %v", after)
	if after.of[descriptorCount] > before.of[descriptorCount] || after.of[goroutineCount] > before.of[goroutineCount] {
		return errors.New("descriptors or goroutines were left behind")
	}
	return nil
}

// A running load is one whose senders have begun.
type running struct {
	*load
	cancel context.CancelFunc
	lives  sync.WaitGroup
	failed chan error
	last   []lastReceipt // by place
	begun  time.Time
	watch  runningTime
}

type lastReceipt struct {
	received uint64
	at       time.Duration // of the watch
}

func (l *load) start() (*running, error) {
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{load: l, cancel: cancel, failed: make(chan error, len(l.received)),
		last: make([]lastReceipt, len(l.received)), begun: time.Now()}
	for i := range l.received {
		r.lives.Go(func() {
			if err := l.live(ctx, i); err != nil {
				r.failed <- err
			}
		})
	}
	return r, l.begin()
}

// failure returns the error of a goroutine that has failed.
func (r *running) failure() error {
	select {
	case err := <-r.failed:
		return fmt.Errorf("%s: %w", r.title, err)
	default:
		return nil
	}
}

// look returns an error if a goroutine has failed, or if a place receives nothing for
// a long time.
func (r *running) look() error {
	now := r.watch.look()
	for i := range r.last {
		switch received := r.received[i].n.Load(); {
		case received != r.last[i].received:
			r.last[i] = lastReceipt{received, now}
		case now-r.last[i].at > patience:
			return fmt.Errorf("%s: place %d has received nothing for %v", r.title, i, patience)
		}
	}
	return r.failure()
}

// finish ends the load and says what it was.
func (r *running) finish() (string, error) {
	sent, late, err := r.end()
	if err != nil {
		return "", err
	}
	elapsed := time.Since(r.begun)
	// The goroutines still wait as before: nothing but the signals or values
	// themselves makes them look.
	for watch := (runningTime{}); r.received.sum() != sent; time.Sleep(time.Millisecond) {
		if err := r.failure(); err != nil {
			return "", err
		}
		if watch.look() > patience {
			return "", fmt.Errorf("%s: lost, doubled, or without a wake-up: %w", r.title, conserved(sent, r.received.sum()))
		}
	}
	r.cancel()
	r.lives.Wait()
	if err := errors.Join(r.failure(), conserved(sent, r.received.sum())); err != nil {
		return "", err
	}
	if r.check != nil {
		if err := r.check(); err != nil {
			return "", fmt.Errorf("%s: %w", r.title, err)
		}
	}
	if r.free != nil {
		r.free()
	}
	return fmt.Sprintf("%s: %d sent, %d received, %d more after Close, %.0f a second, %d objects",
		r.title, sent, r.received.sum(), late, float64(sent)/elapsed.Seconds(), r.made.Load()), nil
}
