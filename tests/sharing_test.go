//go:build linux

package tests

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/eventchan/eventchan/internal/testing/child"
	"github.com/eventchan/eventchan/semaphore"
)

const (
	sharePermits = 5 // how many permits the processes share
	shareTakes   = 3 // how many permits each acquires at a time
	shareRounds  = 20
)

// Three processes that each reserve a permit by calling C, from which they never receive, can
// still acquire several permits at a time.
func TestProcessesThatCalledCShareFewPermits(t *testing.T) {
	s := newSemaphore(t, sharePermits)
	var children []*child.Process
	for range 2 {
		file, err := s.File()
		if err != nil {
			t.Fatal(err)
		}
		children = append(children, child.MustStart(t, "share", nil, file))
	}
	if err := share(soon(t), s); err != nil {
		t.Error(err)
	}
	for _, p := range children {
		line, err := p.Line()
		if err != nil || line != "done" {
			t.Errorf("a child printed %q, %v; want done", line, err)
		}
	}
	// Both are idle now, and still have called C.
	if err := s.Acquire(soon(t), sharePermits); err != nil {
		t.Errorf("Acquire(%d) while other processes use C = %v", sharePermits, err)
	}
	s.Release(sharePermits)
	for _, p := range children {
		p.Stdin.Close()
		if err := p.Wait(); err != nil {
			t.Errorf("a child: %v", err)
		}
	}
}

// share is what each process does.
func share(ctx context.Context, s *semaphore.Semaphore) error {
	s.C()
	for round := range shareRounds {
		if err := s.Acquire(ctx, shareTakes); err != nil {
			return fmt.Errorf("Acquire(%d) in round %d: %w", shareTakes, round, err)
		}
		s.Release(shareTakes)
	}
	return nil
}

// playShare is the role of the children.
func playShare(ctx context.Context) (string, error) {
	s, err := semaphore.FromFD(child.Inherited)
	if err != nil {
		return "", err
	}
	if err := share(ctx, s); err != nil {
		return "", errors.Join(err, s.Close())
	}
	fmt.Println("done")
	ended, cancel := child.UntilStdinCloses(ctx)
	defer cancel()
	<-ended.Done()
	return "", s.Close()
}
