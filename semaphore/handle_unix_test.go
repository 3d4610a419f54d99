package semaphore_test

import (
	"context"
	"encoding/binary"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/handletest"
	"github.com/eventchan/eventchan/internal/mode"
	"github.com/eventchan/eventchan/internal/word"
	"github.com/eventchan/eventchan/semaphore"
)

// Permits that no word holds move with Handle as any other.
func TestHandleMovesAnyNumber(t *testing.T) {
	for _, permits := range []int64{1, word.Full, word.Full + 9, math.MaxInt64 - 5} {
		s := mustNew(t, permits)
		if !handletest.Signal(s.Handle(), 5) {
			t.Error("a release through the handle came too late, want it in time")
		}
		wantCount(t, s, permits+5)
		if !mode.Is("exported") { // or else it is a system call for each
			wantTry(t, s, permits+5, true)
			wantTry(t, s, 1, false)
		}
	}
}

func TestHandleIsTheSameEachTimeAndNilAfterClose(t *testing.T) {
	s := mustNew(t, 1)
	h := s.Handle()
	if h == nil {
		t.Fatal("Handle = nil")
	}
	s.FD()
	s.C()
	if got := s.Handle(); got != h {
		t.Errorf("Handle = %p, want %p as before", got, h)
	}
	s.Close()
	if got := s.Handle(); got != nil {
		t.Errorf("Handle = %p after Close, want nil", got)
	}
	if handletest.Signal(h, 1) {
		t.Error("a release after Close: want it to come too late")
	}
}

// The word and the eventfd are one number of permits, in whatever order they came
// to be.
func TestReleaseThroughHandleReachesTheDescriptor(t *testing.T) {
	for name, outside := range map[string]func(*semaphore.Semaphore) (unsafe.Pointer, int){
		"Handle first": func(s *semaphore.Semaphore) (unsafe.Pointer, int) { h := s.Handle(); return h, s.FD() },
		"FD first":     func(s *semaphore.Semaphore) (unsafe.Pointer, int) { fd := s.FD(); return s.Handle(), fd },
	} {
		t.Run(name, func(t *testing.T) {
			s := mustNew(t, 0)
			h, fd := outside(s)
			for range 50 { // each time the owner has to ask anew to be rung
				handletest.Signal(h, 2)
				fetch(t, fd)
				fetch(t, fd)
			}
			handletest.Signal(h, 3)
			s.Release(4)
			wantCount(t, s, 7)
			wantTry(t, s, 7, true)
			c := newCrowd(s)
			c.join(background, 1)
			c.join(background, 3)
			handletest.Signal(h, 1)
			c.want(t, 0, nil)
			handletest.Signal(h, 3)
			c.want(t, 1, nil)
			permits := s.C()
			handletest.Signal(h, 1)
			<-permits
		})
	}
}

// Who waits when the permits move is reached from there.
func TestMoveTakesThoseAlongWhoWait(t *testing.T) {
	write := func(s *semaphore.Semaphore) {
		unix.Write(s.FD(), binary.NativeEndian.AppendUint64(nil, 2))
	}
	for name, from := range map[string]func(*semaphore.Semaphore){
		"Handle": func(s *semaphore.Semaphore) { handletest.Signal(s.Handle(), 2) },
		"FD":     write,
		"Handle and FD": func(s *semaphore.Semaphore) {
			h := s.Handle()
			s.FD()
			handletest.Signal(h, 2)
		},
		"FD and Handle":    func(s *semaphore.Semaphore) { s.FD(); handletest.Signal(s.Handle(), 2) },
		"Handle and write": func(s *semaphore.Semaphore) { s.Handle(); write(s) },
	} {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int64{1, 2} {
				s := mustNew(t, 0)
				c := newCrowd(s)
				c.join(background, n)
				from(s)
				c.want(t, 0, nil)
			}
			s := mustNew(t, 0)
			permits := s.C()
			from(s)
			<-permits
		})
	}
}

// A permit may come at any moment of going to sleep, from Go or from C, and it may
// be the one that a waiter for several lacks. If it were missed, its round would
// never end. See TestNoWakeUpIsLost, which moves the permits to an eventfd.
func TestNoReleaseIsLost(t *testing.T) {
	rounds := int64(100_000)
	if testing.Short() {
		rounds /= 4
	}
	if !mode.Is("private") { // where a round is some system calls
		rounds /= 8
	}
	for name, n := range map[string]int64{"one": 1, "several": 3} {
		t.Run(name, func(t *testing.T) {
			s := mustNew(t, 0)
			release := s.Release
			if mode.Is("handle") {
				h := s.Handle()
				release = func(n int64) { handletest.Signal(h, uint64(n)) }
			}
			var turn atomic.Int64 // and no channel, so that both run at the same time
			var releaser sync.WaitGroup
			releaser.Go(func() {
				for round := range rounds {
					for turn.Load() < round {
						runtime.Gosched()
					}
					for range n {
						for range round % 512 { // meet the other at another step each time
							turn.Load()
						}
						release(1)
					}
				}
			})
			ctx, cancel := context.WithTimeout(background, 30*time.Second)
			defer cancel()
			for round := range rounds {
				turn.Store(round)
				if err := s.Acquire(ctx, n); err != nil {
					free, _ := s.Count()
					t.Errorf("round %d: Acquire(%d) = %v, and %d are free", round, n, err, free)
					break
				}
			}
			turn.Store(rounds)
			releaser.Wait()
		})
	}
}
