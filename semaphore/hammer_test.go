package semaphore_test

import (
	"context"
	"errors"
	"math/rand/v2"
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

// Never more permits are held than exist, and none is lost, whichever Acquire is canceled when.
func TestConservation(t *testing.T) {
	const permits = 7
	s := mustNew(t, permits)
	var held atomic.Int64
	hold := func(n int64) {
		if now := held.Add(n); now > permits {
			t.Errorf("%d permits are held, want at most %d", now, permits)
		}
		held.Add(-n)
		s.Release(n)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-s.C():
				hold(1)
			case <-stop:
				return
			}
		}
	})
	hammer.For(2*time.Second, 8, func() {
		n := 1 + rand.Int64N(permits)
		ctx, cancel := context.WithTimeout(background, time.Duration(rand.Int64N(2000))*time.Microsecond)
		defer cancel()
		switch {
		case rand.IntN(3) == 0:
			if s.TryAcquire(n) {
				hold(n)
			}
		case s.Acquire(ctx, n) == nil:
			hold(n)
		}
	})
	close(stop)
	wg.Wait()
	file, err := s.File()
	if errors.Is(err, errors.ErrUnsupported) {
		s.C() // reserves one permit
		hammer.Eventually(t, func() string { return "permits are lost" },
			func() bool { free, _ := s.Count(); return free == permits-1 })
		return
	}
	// Close puts back the permit that C has reserved, which other holders can see.
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	s.Close()
	var buf [8]byte
	for range permits {
		if _, err := file.Read(buf[:]); err != nil {
			t.Fatal(err)
		}
	}
}

// A Release can come at any moment while a waiter goes to sleep. If it were missed, its round
// would never end.
func TestNoWakeUpIsLost(t *testing.T) { eachWay(t, noWakeUpIsLost) }

func noWakeUpIsLost(t *testing.T, release func(*semaphore.Semaphore, int64)) {
	for name, n := range map[string]int64{"one permit": 1, "several": 3} {
		t.Run(name, func(t *testing.T) {
			s, turn := mustNew(t, 0), make(chan int)
			rounds := hammer.Rounds(2000)
			go func() {
				defer close(turn)
				for round := range rounds {
					for range round % 64 { // meet the waiter at another step each time
						runtime.Gosched()
					}
					for range n {
						release(s, 1)
					}
					<-turn
				}
			}()
			start := time.Now()
			for round := range rounds {
				mustAcquire(t, s, n)
				turn <- round
			}
			<-turn
			// A waiter for several permits polls by itself ten times per second. That must
			// not be what woke it, except where the system does not show the count.
			if took := time.Since(start); took > time.Duration(rounds)*20*time.Millisecond && (n == 1 || hammer.ShowsCount()) {
				t.Errorf("%d rounds took %v", rounds, took)
			}
		})
	}
}

// A TryAcquire of one permit fails only if none is free, however often others try to take more
// than are free.
func TestTryAcquireBesideOthersThatTakeSeveral(t *testing.T) {
	s := mustNew(t, 1)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				s.TryAcquire(2)
				hammer.Yield()
			}
		}
	})
	hammer.For(time.Second, 1, func() {
		if !s.TryAcquire(1) {
			t.Error("TryAcquire(1) = false, but no other goroutine can have the permit")
			return
		}
		s.Release(1)
	})
	close(stop)
	wg.Wait()
}

// Whenever Close is called, all calls return, a closed Semaphore grants nothing, and nothing is
// written to an unrelated file, even if descriptor numbers are reused immediately.
func TestCloseAgainstEverything(t *testing.T) {
	stop := hammer.ReuseNumbers(t)
	defer stop()
	hammer.For(time.Second, 4, func() {
		s, err := mode.Semaphore(2)
		if err != nil {
			t.Error(err)
			return
		}
		var wg sync.WaitGroup
		for n := range int64(3) {
			wg.Go(func() {
				for {
					err := s.Acquire(background, 1+n)
					if err != nil {
						if !errors.Is(err, os.ErrClosed) {
							t.Errorf("Acquire = %v, want os.ErrClosed", err)
						}
						return
					}
					s.Release(1 + n)
					hammer.Yield()
				}
			})
		}
		c := s.C()
		wg.Go(func() {
			for range c {
				s.Release(1)
			}
		})
		wg.Go(func() {
			s.Release(3)
			s.TryAcquire(2)
			s.Count()
			if file, err := s.File(); err == nil {
				file.Close()
			}
			s.Close()
			if _, ok := <-s.C(); ok {
				t.Error("C gave a permit after Close")
			}
		})
		wg.Wait()
	})
}

// If a context ends at the moment when its waiter is woken, nothing is left behind for the next
// waiter in the same place.
func TestCancelMeetsRelease(t *testing.T) {
	s := mustNew(t, 1)
	var granted atomic.Int64
	hammer.For(time.Second/2, 3, func() {
		ctx, cancel := context.WithCancel(background)
		timer := time.AfterFunc(time.Duration(rand.IntN(20))*time.Microsecond, cancel)
		if err := s.Acquire(ctx, 1); err == nil {
			granted.Add(1)
			if granted.Load()%4 == 0 {
				runtime.Gosched() // so that others must wait
			}
			s.Release(1)
		}
		timer.Stop()
		cancel()
	})
	if granted.Load() == 0 {
		t.Error("no permit was granted")
	}
	wantCount(t, s, 1)
}

// A permit can come at any moment while a waiter goes to sleep, from Go or from C, and it can be
// the one that a waiter for several lacks. If it were missed, its round would never end. See
// TestNoWakeUpIsLost, which moves the permits to an eventfd.
func TestNoReleaseIsLost(t *testing.T) {
	rounds := int64(100_000)
	if testing.Short() {
		rounds /= 4
	}
	if !mode.Is("private") { // where each round makes system calls
		rounds /= 8
	}
	if mode.Is("handle") && runtime.GOMAXPROCS(0) == 1 {
		// While the releaser yields on the only processor, the Go runtime polls the doorbell, as
		// all descriptors, only every 10 ms.
		rounds /= 64
	}
	for name, n := range map[string]int64{"one": 1, "several": 3} {
		t.Run(name, func(t *testing.T) {
			rounds := rounds
			if n > 1 && mode.Is("exported") && !hammer.ShowsCount() {
				rounds /= 100 // the waiter polls only ten times per second
			}
			s := mustNew(t, 0)
			release := s.Release
			if mode.Is("handle") {
				h := s.Handle()
				release = func(n int64) { handletest.Signal(h, uint64(n)) }
			}
			var turn atomic.Int64 // not a channel, so that both run at the same time
			var releaser sync.WaitGroup
			releaser.Go(func() {
				for round := range rounds {
					for turn.Load() < round {
						runtime.Gosched()
					}
					for range n {
						for range round % 512 { // meet the waiter at another step each time
							turn.Load()
						}
						release(1)
					}
				}
			})
			ctx, cancel := context.WithCancel(background)
			defer cancel()
			// A deadline of the whole would depend on the load of the machine.
			timer := time.AfterFunc(30*time.Second, cancel)
			defer timer.Stop()
			for round := range rounds {
				if round%100 == 0 {
					timer.Reset(30 * time.Second)
				}
				turn.Store(round)
				if err := s.Acquire(ctx, n); err != nil {
					free, _ := s.Count()
					t.Errorf("round %d: Acquire(%d) = %v, but %d permits are free", round, n, err, free)
					break
				}
			}
			turn.Store(rounds)
			releaser.Wait()
		})
	}
}
