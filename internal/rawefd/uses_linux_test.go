package rawefd_test

import (
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
)

func TestCloseEndsUses(t *testing.T) {
	f := mustNew(t, 0, false)
	num, lasts := f.Number(), 0
	if !f.Use() {
		t.Fatal("Use = false before Close")
	}
	if !f.Close(func() { lasts++ }) {
		t.Fatal("Close = false, want true for the first")
	}
	if f.Use() || f.Close(nothing) || f.Number() != -1 {
		t.Error("Use, a second Close or Number succeeded after Close")
	}
	if err := f.Add(1); err != nil || lasts != 0 {
		t.Errorf("Add = %v and last was called %d times while a use is left", err, lasts)
	}
	f.Done()
	if lasts != 1 {
		t.Errorf("last was called %d times, want once", lasts)
	}
	if _, err := unix.FcntlInt(uintptr(num), unix.F_GETFD, 0); err != syscall.EBADF {
		t.Errorf("the descriptor is still there: %v", err)
	}
}

// Between Use and Done, the number refers to the eventfd, even if other code opens and closes
// files all the time. The function that was passed to Close sees all that was added.
func TestCloseAgainstAddWhileNumbersAreReused(t *testing.T) {
	stop := hammer.ReuseNumbers(t)
	defer stop()
	hammer.For(time.Second, 2, func() {
		f, err := rawefd.New(0, false)
		if err != nil {
			t.Error(err)
			return
		}
		var added, lasts, closes atomic.Uint64
		var taken uint64
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for f.Use() {
					if err := f.Add(1); err != nil {
						t.Errorf("Add = %v", err)
					}
					added.Add(1)
					f.Done()
				}
			})
			wg.Go(func() {
				if f.Close(func() { lasts.Add(1); taken, _ = f.Take() }) {
					closes.Add(1)
				}
			})
		}
		wg.Wait()
		if closes.Load() != 1 || lasts.Load() != 1 || taken != added.Load() {
			t.Errorf("%d Closes succeeded, last ran %d times and took %d of %d; want 1, 1 and all",
				closes.Load(), lasts.Load(), taken, added.Load())
		}
	})
}

// The function that was passed to Close runs once, after every use. Two goroutines share one FD
// after another: one uses it and then closes it, the other closes it.
func TestLastRunsOnceAndAfterEveryUse(t *testing.T) {
	type round struct {
		f              *rawefd.FD
		dead           atomic.Bool
		lasts, closes  atomic.Int32
		arrived, ended sync.WaitGroup
	}
	end := func(r *round) {
		if r.f.Close(func() { r.dead.Store(true); r.lasts.Add(1) }) {
			r.closes.Add(1)
		}
		r.ended.Done()
	}
	rounds := make(chan *round)
	var wg sync.WaitGroup
	wg.Go(func() {
		for r := range rounds {
			r.arrived.Done()
			for i := 0; i < 20 && r.f.Use(); i++ {
				if r.dead.Load() {
					t.Error("a use began after the last had ended")
				}
				r.f.Done()
			}
			end(r)
		}
	})
	for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); {
		f, err := rawefd.New(0, false)
		if err != nil {
			t.Fatal(err)
		}
		r := &round{f: f}
		r.arrived.Add(1)
		r.ended.Add(2)
		rounds <- r
		r.arrived.Wait()
		for range time.Now().UnixNano() % 16 { // close at a different time in each round
			r.f.Number()
		}
		end(r)
		r.ended.Wait()
		if c, l := r.closes.Load(), r.lasts.Load(); c != 1 || l != 1 {
			t.Errorf("%d Closes succeeded and last ran %d times, want one each", c, l)
		}
	}
	close(rounds)
	wg.Wait()
}
