//go:build unix

package rawefd_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
)

// A sleeper is the goroutine that waits for a doorbell.
type sleeper struct {
	*rawefd.Doorbell
	rings  atomic.Uint64
	seen   atomic.Uint64          // how many rings a call of awake has found
	calls  atomic.Uint64          // how often awake was called
	during atomic.Pointer[func()] // the next call of awake calls it before it returns
	stop   atomic.Bool
	ended  chan struct{}
}

// eachDoorbell runs a test with the doorbell of this system, and also with one
// that is drained, unless this system's always is.
func eachDoorbell(t *testing.T, test func(t *testing.T, s *sleeper)) {
	t.Run("plain", func(t *testing.T) { test(t, newSleeper(t)) })
	if !newSleeper(t).Drains() {
		t.Run("drained", func(t *testing.T) {
			s := newSleeper(t)
			s.Drain()
			test(t, s)
		})
	}
}

func newSleeper(t *testing.T) *sleeper {
	t.Helper()
	d, err := rawefd.NewDoorbell()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return &sleeper{Doorbell: d}
}

func (s *sleeper) start() {
	s.stop.Store(false)
	s.ended = make(chan struct{})
	go func() {
		defer close(s.ended)
		s.wait()
	}()
}

// wait waits as the goroutine of a doorbell does. It calls awake after an Interrupt, too.
func (s *sleeper) wait() {
	for !s.Read(func(uintptr) bool { s.Empty(); return s.awake() }) {
		s.Resume()
	}
}

func (s *sleeper) awake() (done bool) {
	rings := s.rings.Load()
	if during := s.during.Swap(nil); during != nil {
		(*during)()
	}
	s.seen.Store(rings)
	s.calls.Add(1)
	return s.stop.Load()
}

func (s *sleeper) ring() {
	s.rings.Add(1)
	s.Ring()
}

// wantSeen waits until the goroutine has seen all rings.
func (s *sleeper) wantSeen(t *testing.T) {
	t.Helper()
	hammer.Eventually(t, func() string { return fmt.Sprintf("%d of %d rings were seen", s.seen.Load(), s.rings.Load()) },
		func() bool { return s.calls.Load() > 0 && s.seen.Load() == s.rings.Load() })
}

// end makes awake return true, and waits until wait has returned.
func (s *sleeper) end(t *testing.T) {
	t.Helper()
	s.stop.Store(true)
	s.ring()
	select {
	case <-s.ended:
	case <-time.After(30 * time.Second):
		t.Fatal("wait goes on, though awake returns true")
	}
}

func TestWaitCallsAwakeWithoutARing(t *testing.T) {
	eachDoorbell(t, func(t *testing.T, s *sleeper) {
		s.stop.Store(true)
		s.wait()
		if got := s.calls.Load(); got != 1 {
			t.Errorf("awake was called %d times, want once", got)
		}
	})
}

func TestRingBeforeWaitIsSeen(t *testing.T) {
	eachDoorbell(t, func(t *testing.T, s *sleeper) {
		s.ring()
		s.start()
		s.wantSeen(t)
		s.ring()
		s.wantSeen(t)
		s.end(t)
	})
}

// A ring that comes after awake has looked for rings causes another call.
func TestRingDuringAwakeIsSeen(t *testing.T) {
	eachDoorbell(t, func(t *testing.T, s *sleeper) {
		s.start()
		for range 500 {
			ring := s.ring
			s.during.Store(&ring)
			s.ring()
			s.wantSeen(t)
		}
		s.end(t)
	})
}

// Every ring wakes the goroutine, whatever it is doing on its way to sleep: each round rings at
// a different time.
func TestEveryRingWakes(t *testing.T) {
	rounds := 5000
	if !hammer.InCI() {
		rounds /= 5
	}
	eachDoorbell(t, func(t *testing.T, s *sleeper) {
		s.start()
		for round := range rounds {
			for range round % 64 {
				s.calls.Load()
			}
			s.ring()
			s.wantSeen(t)
		}
		s.end(t)
	})
}

func TestManyRingsAtOnce(t *testing.T) {
	eachDoorbell(t, func(t *testing.T, s *sleeper) {
		s.start()
		var ringers sync.WaitGroup
		for range 4 {
			ringers.Go(func() {
				for range 5000 {
					s.ring()
				}
			})
		}
		ringers.Wait()
		s.wantSeen(t)
		s.end(t)
	})
}

// Ring does not block on a descriptor that is full, and still wakes the goroutine. (An eventfd
// that is not drained would be full only after 2^64-2 rings.)
func TestFullDoorbell(t *testing.T) {
	eachDoorbell(t, func(t *testing.T, s *sleeper) {
		fill(t, s.Number())
		s.ring()
		s.start()
		s.wantSeen(t)
		if s.Drains() {
			for range 10 {
				overfill := func() { fill(t, s.Number()); s.ring() }
				s.during.Store(&overfill)
				s.ring()
				s.wantSeen(t)
			}
			s.end(t)
			return
		}
		drain(t, s.Number())
		s.end(t)
	})
}

// fill writes to a doorbell until it is full.
func fill(t *testing.T, fd int) {
	for {
		_, err := syscall.Write(fd, binary.NativeEndian.AppendUint64(nil, math.MaxUint64-1))
		if err == syscall.EAGAIN {
			return
		}
		if err != nil && err != syscall.EINTR {
			t.Errorf("write = %v, want EAGAIN in the end", err)
			return
		}
	}
}

// drain reads an eventfd.
func drain(t *testing.T, fd int) {
	var buf [8]byte
	if _, err := syscall.Read(fd, buf[:]); err != nil {
		t.Errorf("read = %v", err)
	}
}

// The goroutine can end and start again, and sees rings that came in between.
func TestWaitAgain(t *testing.T) {
	eachDoorbell(t, func(t *testing.T, s *sleeper) {
		for round := range 200 {
			if round%2 == 0 {
				s.ring()
			}
			s.start()
			s.wantSeen(t)
			s.ring()
			s.wantSeen(t)
			s.end(t)
		}
	})
}

func TestDoorbellIsCloseOnExecAndNonBlocking(t *testing.T) {
	for _, fd := range newSleeper(t).Descriptors() {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("F_GETFD of descriptor %d = %#x, %v; want close-on-exec", fd, flags, err)
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK == 0 {
			t.Errorf("F_GETFL of descriptor %d = %#x, %v; want O_NONBLOCK", fd, flags, err)
		}
	}
}

func TestCloseClosesAllDescriptors(t *testing.T) {
	d, err := rawefd.NewDoorbell()
	if err != nil {
		t.Fatal(err)
	}
	fds := d.Descriptors()
	d.Close()
	for _, fd := range fds {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != unix.EBADF {
			t.Errorf("F_GETFD of descriptor %d after Close = %v, want EBADF", fd, err)
		}
	}
}

// InterruptLater ends Read without a ring, even if the delay ends before Read begins.
func TestInterruptLaterNeedsNoRing(t *testing.T) {
	eachDoorbell(t, func(t *testing.T, s *sleeper) {
		for _, first := range []bool{true, false} {
			s.calls.Store(0)
			if first {
				s.InterruptLater(-time.Second)
			}
			s.start()
			hammer.Eventually(t, func() string { return "awake is not called at first" }, func() bool { return s.calls.Load() > 0 })
			for range 3 {
				before := s.calls.Load()
				s.InterruptLater(time.Millisecond)
				hammer.Eventually(t, func() string { return "awake is not called later" }, func() bool { return s.calls.Load() > before })
			}
			s.stop.Store(true)
			s.InterruptLater(0)
			select {
			case <-s.ended:
			case <-time.After(30 * time.Second):
				t.Fatal("wait goes on after InterruptLater, though awake returns true")
			}
		}
	})
}
