package semaphore_test

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/handletest"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/semaphore"
)

// A release that a C thread made in time stays in the eventfd for its other holders, whenever
// Close is called.
func TestCloseLeavesWhatCameInTime(t *testing.T) {
	hammer.NeedsCount(t)
	hammer.For(time.Second/2, 2, func() {
		s, err := semaphore.New(0)
		if err != nil {
			t.Error(err)
			return
		}
		h := s.Handle()
		file, err := s.File()
		if err != nil {
			t.Error(err)
			return
		}
		defer file.Close()
		other, err := semaphore.FromFD(dup(t, int(file.Fd())))
		if err != nil {
			t.Error(err)
			return
		}
		defer other.Close()
		var released atomic.Int64
		var threads sync.WaitGroup
		for i := range uint64(2) {
			threads.Go(func() {
				for handletest.Signal(h, 1+i) {
					released.Add(int64(1 + i))
				}
			})
		}
		hammer.Delay(3)
		s.Close()
		threads.Wait()
		if left, err := other.Count(); left != released.Load() || err != nil {
			t.Errorf("%d permits were released in time, but Count = %d, %v", released.Load(), left, err)
		}
	})
}

// Close can be called at any moment of an export: all goroutines wake up, and nothing is
// written to an unrelated file.
func TestCloseDuringAnExport(t *testing.T) {
	if !mode.Is("private") {
		return
	}
	stop := hammer.ReuseNumbers(t)
	defer stop()
	hammer.For(time.Second, 3, func() {
		s, err := semaphore.New(1)
		if err != nil {
			t.Error(err)
			return
		}
		var wg sync.WaitGroup
		for i := range int64(2) {
			wg.Go(func() {
				for {
					if err := s.Acquire(background, 1+i); err != nil {
						if !errors.Is(err, os.ErrClosed) {
							t.Errorf("Acquire = %v, want os.ErrClosed", err)
						}
						return
					}
				}
			})
		}
		wg.Go(func() {
			for range s.C() {
			}
		})
		wg.Go(func() {
			h := s.Handle()
			for h != nil && handletest.Signal(h, 2) {
				runtime.Gosched() // on one processor the others would run every 10 ms
			}
		})
		wg.Go(func() { s.FD(); s.Release(1) })
		hammer.Delay(30)
		s.Close()
		wg.Wait()
	})
}
