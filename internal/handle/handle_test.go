//go:build linux

package handle_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/hammer"
	"github.com/eventchan/eventchan/internal/handle"
	"github.com/eventchan/eventchan/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m.Run) }

func mustNew(t testing.TB) *handle.Slot {
	t.Helper()
	s, err := handle.New()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// users is where C threads count themselves in.
func users(s *handle.Slot) *atomic.Uint32 { return (*atomic.Uint32)(unsafe.Add(s.Address(), 8)) }

func open(fd int) bool {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	return err == nil
}

func TestSlotIsLaidOutAsInTheHeader(t *testing.T) {
	s := mustNew(t)
	defer s.Leave()
	if size := unsafe.Sizeof(*s); size != 64 {
		t.Errorf("a slot has %d bytes, want 64", size)
	}
	s.Word.Store(5, 0)
	bytes := unsafe.Slice((*uint64)(s.Address()), 8)
	if bytes[0] != 5 {
		t.Errorf("at offset 0 there is %d, want the word, 5", bytes[0])
	}
	if got := users(s).Load(); got != 1 {
		t.Errorf("at offset 8 there are %d users, want 1, the owner", got)
	}
	if got := *(*int32)(unsafe.Add(s.Address(), 12)); int(got) != s.Doorbell() || !open(int(got)) {
		t.Errorf("at offset 12 there is descriptor %d, open %v; want %d", got, open(int(got)), s.Doorbell())
	}
	for i, reserved := range bytes[2:] {
		if reserved != 0 {
			t.Errorf("at offset %d there is %#x, want 0", 16+8*i, reserved)
		}
	}
}

// More slots than a page holds, each of its own, though earlier ones have ended.
func TestSlotsAreNeverUsedAgain(t *testing.T) {
	const size = 64
	seen := make(map[uintptr]bool)
	var kept []*handle.Slot
	for i := range 200 {
		s := mustNew(t)
		at := uintptr(s.Address())
		if at%size != 0 {
			t.Errorf("slot %d is at %#x, want a multiple of %d", i, at, size)
		}
		if seen[at] {
			t.Errorf("slot %d is at %#x, where there was one before", i, at)
		}
		seen[at] = true
		if n, flags := s.Word.Swap(0); n != 0 || flags != 0 {
			t.Errorf("the word of slot %d is %d with flags %#x, want 0", i, n, flags)
		}
		if i%3 == 0 {
			s.Leave()
			continue
		}
		for _, other := range kept {
			if other.Doorbell() == s.Doorbell() {
				t.Errorf("two slots have doorbell %d", s.Doorbell())
			}
		}
		kept = append(kept, s)
	}
	for _, s := range kept {
		s.Leave()
	}
}

func TestLeaveClosesTheDoorbell(t *testing.T) {
	s := mustNew(t)
	s.Leave()
	if open(s.Doorbell()) {
		t.Error("the doorbell is open though nobody uses it")
	}
}

func TestLeaveLeavesTheDoorbellToWhoIsAboutToRing(t *testing.T) {
	s := mustNew(t)
	users(s).Add(1)
	s.Leave()
	if !open(s.Doorbell()) {
		t.Fatal("the doorbell is closed though a thread is about to ring")
	}
	if left := users(s).Add(^uint32(0)); left != 0 {
		t.Errorf("there are still %d users", left)
	}
	unix.Close(s.Doorbell()) // as the thread does, who was the last
}

func TestAnswerEmptiesTheDoorbell(t *testing.T) {
	s := mustNew(t)
	defer s.Leave()
	for _, rings := range []int{1, 3} {
		for range rings {
			unix.Write(s.Doorbell(), []byte{1, 0, 0, 0, 0, 0, 0, 1})
		}
		s.Answer()
		var buf [8]byte
		if _, err := unix.Read(s.Doorbell(), buf[:]); err != unix.EAGAIN {
			t.Errorf("after %d rings and Answer read(2) = %v, %v; want EAGAIN", rings, buf, err)
		}
	}
	s.Answer() // which does not block
}

// ring goes through the gate as a C thread does and reports whether it came in,
// and whether it is for this thread to close the doorbell.
func ring(t *testing.T, s *handle.Slot) (in, last bool) {
	for {
		n := users(s).Load()
		if n == 0 {
			return false, false
		}
		if users(s).CompareAndSwap(n, n+1) {
			break
		}
	}
	if _, err := unix.Write(s.Doorbell(), []byte{1, 0, 0, 0, 0, 0, 0, 0}); err != nil {
		t.Errorf("write(2) within the gate = %v", err)
	}
	return true, users(s).Add(^uint32(0)) == 0
}

// Whoever comes last closes the doorbell, and nobody else.
func TestGateClosesOnce(t *testing.T) {
	hammer.For(time.Second/2, 1, func() {
		s := mustNew(t)
		var closers, late atomic.Int32
		var threads sync.WaitGroup
		for range 3 {
			threads.Go(func() {
				for {
					in, last := ring(t, s)
					if last {
						closers.Add(1)
					}
					if !in {
						late.Add(1)
						return
					}
				}
			})
		}
		for range time.Now().UnixNano() % 64 {
			s.Answer()
		}
		s.Leave()
		threads.Wait()
		if late.Load() != 3 || users(s).Load() != 0 {
			t.Errorf("%d of 3 threads found the gate closed, %d users are left", late.Load(), users(s).Load())
		}
		// A thread that was the last has left the closing to us, to be seen here.
		if n := closers.Load(); n > 1 || open(s.Doorbell()) != (n == 1) {
			t.Errorf("%d threads were the last, and Leave has left the doorbell open: %v", n, open(s.Doorbell()))
		}
		if closers.Load() == 1 {
			unix.Close(s.Doorbell())
		}
	})
}
