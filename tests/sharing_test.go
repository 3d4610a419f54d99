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

// sharePermits is how many permits the processes share, and shareTakes how many each
// of them acquires at a time.
const (
	sharePermits = 5
	shareTakes   = 3
	shareRounds  = 20
)

// TestProcessesWhoUseCShareFewPermits has three processes reserve a permit each by
// C, of which none receives, and acquire several at a time.
func TestProcessesWhoUseCShareFewPermits(t *testing.T) {
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
			t.Errorf("a child printed %q, %v; want that it is done", line, err)
		}
	}
	// Both are idle now, and still use C.
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

// share is what each of the processes does.
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

// playShare is one of the children.
func playShare(ctx context.Context) (string, error) {
	s, err := semaphore.FromFD(child.Inherited)
	if err != nil {
		return "", err
	}
	if err := share(ctx, s); err != nil {
		return "", errors.Join(err, s.Close())
	}
	fmt.Println("done")
	told, cancel := child.UntilTold(ctx)
	defer cancel()
	<-told.Done()
	return "", s.Close()
}
