package semaphore_test

import (
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/semaphore"
)

func wantString(t *testing.T, s *semaphore.Semaphore, want string) {
	t.Helper()
	for _, format := range []string{"%v", "%s", "%+v"} {
		if got := fmt.Sprintf(format, s); got != want {
			t.Errorf("%s prints %q, want %q", format, got, want)
		}
	}
}

func TestStringNamesTheState(t *testing.T) {
	if !mode.Is("private") {
		return
	}
	s := mustNew(t, 1)
	wantString(t, s, "Semaphore(private)")
	s.Handle()
	wantString(t, s, "Semaphore(shared)")
	wantString(t, s, fmt.Sprintf("Semaphore(descriptor %d)", s.FD()))
	s.Close()
	wantString(t, s, "Semaphore(closed)")
	s = mustNew(t, 1)
	s.Close()
	wantString(t, s, "Semaphore(closed)")
}

// A Semaphore can be printed while others use it.
func TestStringWhileOthersUseIt(t *testing.T) {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	hammer.For(time.Second/2, 1, func() {
		s, err := semaphore.New(2)
		if err != nil {
			t.Error(err)
			return
		}
		var all sync.WaitGroup
		for _, use := range []func(){
			func() {
				s.TryAcquire(1)
				s.C()
				s.Release(1)
			},
			func() { s.Handle(); s.FD() },
			func() { s.Close() },
			func() { fmt.Fprint(io.Discard, s) },
			func() { log.Info("state", "semaphore", s) },
		} {
			all.Go(use)
		}
		all.Wait()
		wantString(t, s, "Semaphore(closed)")
	})
}
