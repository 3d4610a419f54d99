package semaphore_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/semaphore"
)

// A free permit is found at every moment of an export: by TryAcquire, by an Acquire whose
// context ends soon, and by read(2) of the descriptor that FD returned.
func TestPermitIsFoundAtEveryMomentOfAnExport(t *testing.T) {
	if !mode.First() {
		return
	}
	for name, found := range map[string]func(*semaphore.Semaphore) bool{
		"TryAcquire(1)": func(s *semaphore.Semaphore) bool { return s.TryAcquire(1) },
		"TryAcquire(5)": func(s *semaphore.Semaphore) bool { return s.TryAcquire(5) },
		"Acquire": func(s *semaphore.Semaphore) bool {
			ctx, cancel := context.WithTimeout(background, 20*time.Second)
			defer cancel()
			return s.Acquire(ctx, 1) == nil && s.Acquire(ctx, 4) == nil
		},
		"Count": func(s *semaphore.Semaphore) bool {
			count, err := s.Count()
			return count == 5 && err == nil
		},
		"read": func(s *semaphore.Semaphore) bool {
			var buf [8]byte
			_, err := unix.Read(s.FD(), buf[:])
			return err == nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "Count" {
				hammer.NeedsCount(t)
			}
			var round int
			hammer.For(time.Second/2, 1, func() {
				round++
				s, err := semaphore.New(5)
				if err != nil {
					t.Error(err)
					return
				}
				defer s.Close()
				if round%2 == 0 {
					s.Handle()
				}
				var exporter sync.WaitGroup
				exporter.Go(func() { s.FD() })
				for range round % 8 {
					runtime.Gosched()
				}
				if !found(s) {
					t.Error("found nothing, but 5 permits were free all the time")
				}
				exporter.Wait()
			})
		})
	}
}
