package tests

import (
	"math"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/handletest"
	"github.com/eventchan/eventchan/internal/testing/rawio"
	"github.com/eventchan/eventchan/notify"
)

// These tests are about a process that fills an eventfd which it shares with this one, and clears
// O_NONBLOCK, so that write(2) waits for room.

// peer returns another descriptor of an eventfd.
func peer(t *testing.T, fd int) int {
	t.Helper()
	twin := duplicate(t, fd)
	t.Cleanup(func() { unix.Close(twin) })
	return twin
}

// fill adds count to an eventfd and clears O_NONBLOCK.
func fill(t *testing.T, peer int, count uint64) {
	if err := rawio.Add(peer, count); err != nil {
		t.Error(err)
	}
	if err := unix.SetNonblock(peer, false); err != nil {
		t.Error(err)
	}
}

// readNowait requires preadv2(2) with RWF_NOWAIT, without which the library cannot make room in an
// eventfd.
func readNowait(t *testing.T) {
	t.Helper()
	var buf [8]byte
	fd := eventfd(t, 0, unix.EFD_NONBLOCK)
	if _, err := unix.Preadv2(fd, [][]byte{buf[:]}, -1, 1<<30); err != unix.EOPNOTSUPP {
		lacks(t, "preadv2 with an unknown flag: %v, want EOPNOTSUPP", err)
	}
}

// Close ends a write that waits for room, whether there is room for a part of what it adds or none.
func TestCloseEndsAWriteThatAPeerBlocks(t *testing.T) {
	readNowait(t)
	if _, err := os.ReadFile("/proc/self/syscall"); err != nil {
		lacks(t, "this system does not show whether a thread is in write(2): %v", err)
	}
	for _, c := range []struct {
		filled, added uint64
		hides         bool
	}{
		{notify.MaxCount, 1, false},
		{notify.MaxCount, 1, true},
		{notify.MaxCount, 2, false},
		{notify.MaxCount, 5000, true},
		{notify.MaxCount - 1, 2, false},
	} {
		n := newNotifier(t)
		added := blocked(t, n.FD(), c.filled, c.hides, func() error { return n.Add(c.added) })
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		if err, _ := receive(t, added); err != nil {
			t.Errorf("Add(%d) = %v", c.added, err)
		}
		s := newSemaphore(t, 0)
		released := blocked(t, s.FD(), c.filled, c.hides, func() error { s.Release(int64(c.added)); return nil })
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		receive(t, released)
		receive(t, s.C()) // is closed when the last call has ended
	}
}

// blocked fills an eventfd, lets add add to it, and returns when that waits for room. If the peer hides
// that write(2) can wait, O_NONBLOCK is set again then.
func blocked(t *testing.T, fd int, filled uint64, hides bool, add func() error) (ended <-chan error) {
	peer := peer(t, fd)
	fill(t, peer, filled)
	ended = inBackground(add)
	eventually(t, "write(2) blocks", func() bool { return rawio.InWrite(fd) })
	if hides {
		hide(t, peer)
	}
	return ended
}

func hide(t *testing.T, peer int) {
	if err := unix.SetNonblock(peer, true); err != nil {
		t.Error(err)
	}
}

// fillBefore fills the eventfd when the library, which has looked whether there is room, is about to
// write to it. See blocked for hides.
func fillBefore(t *testing.T, fd int, hides bool) {
	peer := peer(t, fd)
	var filled atomic.Bool
	t.Cleanup(rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		if c.Name == "write" && c.Num == fd && filled.CompareAndSwap(false, true) {
			fill(t, peer, notify.MaxCount)
			if hides {
				go func() {
					for !rawio.InWrite(fd) {
						runtime.Gosched()
					}
					hide(t, peer)
				}()
			}
		}
		return 0
	}))
}

// A write under a lock ends soon although a peer has filled the eventfd just before it. The goroutine that
// serves all handles goes on, and nothing is lost.
func TestPeerThatFillsBetweenLookingAndWriting(t *testing.T) {
	readNowait(t)
	for _, hides := range []bool{false, true} {
		if _, err := os.ReadFile("/proc/self/syscall"); err != nil && hides {
			lacks(t, "this system does not show whether a thread is in write(2): %v", err)
		}
		n, other := newNotifier(t), newNotifier(t)
		h, forOther := n.Handle(), other.Handle()
		if h == nil || forOther == nil {
			t.Fatal("no handle")
		}
		fillBefore(t, n.FD(), hides)
		handletest.Signal(h, 1)
		handletest.Signal(forOther, 3)
		wantWaited(t, other, 3)
		eventually(t, "all is in one place", func() bool {
			count, err := n.Count()
			return err == nil && count == math.MaxUint64
		})
		wantTaken(t, n, math.MaxUint64)
	}
}

// The lock of a Semaphore is free soon, too.
func TestPeerThatFillsBeforeARelease(t *testing.T) {
	readNowait(t)
	s := newSemaphore(t, 0)
	fd := s.FD()
	acquired := inBackground(func() error { return s.Acquire(soon(t), 2) })
	allAsleep(t)
	fillBefore(t, fd, false)
	released := inBackground(func() error { s.Release(1); return nil })
	receive(t, released)
	if err, _ := receive(t, acquired); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
