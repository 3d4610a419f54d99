// Command kernel lets the kernel itself signal goroutines, in three ways that
// need no kernel module: Linux AIO, the poll command of Linux AIO, and io_uring.
// In each the kernel gets the descriptor of a Notifier, adds 1 to its
// count when a request is complete, and a goroutine receives that in a select.
//
// If the kernel refuses one of them, the program prints the reason and goes on.
// It exits with status 1 if it did not see what it should.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// A signaler is one way in which the kernel signals. Its run makes the kernel complete n requests
// and signal an eventfd for them, and returns once all are complete and all that it opened is
// closed.
type signaler struct {
	name  string
	run   func(ctx context.Context, n int) (tally, error)
	n     int
	exact bool // the kernel promises exactly one signal per completion
}

// A tally has the numbers of a run.
type tally struct {
	completions int    // read from the kernel's ring of completions
	signals     uint64 // received from the eventfd
	receives    int    // how many receives that took
}

// check returns an error if the tally of n requests is wrong.
func (t tally) check(n int, exact bool) error {
	switch {
	case t.completions != n:
		return fmt.Errorf("%d completions of %d requests", t.completions, n)
	case t.receives < 1 || t.signals < uint64(t.receives):
		return fmt.Errorf("%d signals in %d receives", t.signals, t.receives)
	case exact && t.signals != uint64(n):
		return fmt.Errorf("the eventfd counted %d, and %d requests were complete", t.signals, n)
	}
	return nil
}

// errRefused is returned (wrapped) if the kernel, its settings or a filter of system calls refuse
// a signaler.
var errRefused = errors.New("refused")

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	failed := false
	for _, s := range signalers {
		if err := s.show(ctx); err != nil {
			fmt.Fprintf(os.Stderr, "kernel: %s: %v\n", s.name, err)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}

// show runs s and prints its tally. A refusal is not an error.
func (s signaler) show(ctx context.Context) error {
	t, err := s.run(ctx, s.n)
	if errors.Is(err, errRefused) {
		fmt.Printf("%-9s %v\n", s.name, err)
		return nil
	}
	if err == nil {
		err = t.check(s.n, s.exact)
	}
	if err != nil {
		return err
	}
	hint := ""
	if !s.exact {
		hint = " (a hint)"
	}
	fmt.Printf("%-9s %d completions, the eventfd counted %d%s, received %d times\n",
		s.name, t.completions, t.signals, hint, t.receives)
	return nil
}
