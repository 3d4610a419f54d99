package semaphore_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/handletest"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/internal/word"
	"github.com/eventchan/eventchan/semaphore"
)

// FD and File move all permits to the eventfd, wherever they came from.
func TestReaderTakesWhatWasReleasedBeforeTheExport(t *testing.T) {
	for name, export := range map[string]func(*semaphore.Semaphore) int{
		"FD": (*semaphore.Semaphore).FD,
		"File": func(s *semaphore.Semaphore) int {
			file, err := s.File()
			if err != nil {
				return -1
			}
			t.Cleanup(func() { file.Close() })
			return int(file.Fd())
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, permits := range []int64{1, 1 << 32, word.Full, word.Full + 7, math.MaxInt64 - 8} {
				s := mustNew(t, permits-1)
				s.Release(1)
				if mode.Is("handle") {
					handletest.Signal(s.Handle(), 3)
					permits += 3
				}
				fd := export(s)
				wantCount(t, s, permits)
				fetch(t, fd)
				wantCount(t, s, permits-1)
				s.Release(5)
				wantCount(t, s, permits+4)
				wantTry(t, s, 3, true)
				wantCount(t, s, permits+1)
			}
		})
	}
}

// The same holds if C has released so many permits beside a full count that an eventfd does not
// hold them all.
func TestReaderSeesMoreThanAnEventfdHolds(t *testing.T) {
	s := mustNew(t, math.MaxInt64)
	h := s.Handle()
	s.Release(math.MaxInt64)
	handletest.Signal(h, 10)
	fetch(t, s.FD())
	wantTry(t, s, 1, true)
}

// Never more permits are held than exist, none is lost, and no goroutine keeps sleeping while
// one is free, whenever the permits move while they are taken in every way.
func TestExportAtAnyMoment(t *testing.T) {
	if !mode.Is("private") {
		return
	}
	for name, useC := range map[string]bool{"without C": false, "with C": true} {
		t.Run(name, func(t *testing.T) {
			hammer.For(3*time.Second/2, 3, func() { exportAtAnyMoment(t, useC) })
		})
	}
}

func exportAtAnyMoment(t *testing.T, useC bool) {
	const permits = 3
	s, err := semaphore.New(permits)
	if err != nil {
		t.Error(err)
		return
	}
	defer s.Close()
	h := holders{t: t, s: s}
	h.there.Store(permits)
	most := int64(permits)
	if useC {
		most-- // C has reserved one
	}
	var all, moving sync.WaitGroup
	var moved atomic.Bool
	for i := range int64(3) {
		all.Go(func() {
			for rounds := 0; rounds < 10 || !moved.Load(); rounds++ {
				h.acquire(background, 1+(i+int64(rounds))%most)
			}
		})
	}
	all.Go(func() { // a waiter that comes and goes
		for !moved.Load() {
			ctx, cancel := context.WithTimeout(background, time.Duration(rand.IntN(50))*time.Microsecond)
			h.acquire(ctx, 1+rand.Int64N(most))
			cancel()
			if s.TryAcquire(2) {
				h.hold(2)
			}
		}
	})
	if useC {
		all.Go(func() {
			for !moved.Load() {
				<-s.C()
				h.hold(1)
			}
		})
	}
	moving.Go(func() {
		defer moved.Store(true)
		moves := []func(){h.export, h.file, h.handle, h.handle, h.export}
		rand.Shuffle(len(moves), func(i, j int) { moves[i], moves[j] = moves[j], moves[i] })
		for _, move := range moves {
			hammer.Delay(10)
			move()
		}
	})
	ended := make(chan struct{})
	go func() { moving.Wait(); all.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		count, err := s.Count()
		t.Fatalf("%d goroutines sleep, %d permits of %d are held, Count = %d, %v", semaphore.Waiting(s), h.held.Load(), h.there.Load(), count, err)
	}
	h.wantAll(useC)
}

// Holders are goroutines that share the permits of a private Semaphore, and share or export it.
type holders struct {
	t           *testing.T
	s           *semaphore.Semaphore
	held, there atomic.Int64
}

func (h *holders) acquire(ctx context.Context, n int64) {
	if err := h.s.Acquire(ctx, n); err == nil {
		h.hold(n)
	} else if ctx == background {
		h.t.Errorf("Acquire = %v", err)
	}
}

// hold counts permits that were acquired, and releases them.
func (h *holders) hold(n int64) {
	if now, there := h.held.Add(n), h.there.Load(); now > there {
		h.t.Errorf("%d permits are held, want at most %d", now, there)
	}
	h.held.Add(-n)
	h.s.Release(n)
}

func (h *holders) export() {
	if fd := h.s.FD(); fd >= 0 && rand.IntN(2) == 0 {
		h.there.Add(1)
		unix.Write(fd, binary.NativeEndian.AppendUint64(nil, 1))
	}
}

func (h *holders) file() {
	if file, err := h.s.File(); err == nil {
		file.Close()
	}
}

func (h *holders) handle() {
	for p := h.s.Handle(); p != nil && rand.IntN(2) == 0; {
		h.there.Add(1)
		handletest.Signal(p, 1)
	}
}

// wantAll waits until all permits are free, except for the one that C has reserved if useC.
func (h *holders) wantAll(useC bool) {
	h.t.Helper()
	want := h.there.Load()
	if useC {
		h.s.C() // so that C has always reserved one
		want--
	}
	var count int64
	var err error
	hammer.Eventually(h.t, func() string { return fmt.Sprintf("Count = %d, %v, want %d", count, err, want) }, func() bool {
		count, err = h.s.Count()
		hammer.Counted(h.t, err)
		return count == want && err == nil
	})
}
