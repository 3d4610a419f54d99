package notify_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/handletest"
	"github.com/eventchan/eventchan/internal/testing/rawio"
	"github.com/eventchan/eventchan/notify"
)

// hostile fills the eventfd of n to the maximum and makes it blocking, so that write(2) blocks, as
// another process that shares it can.
func hostile(t *testing.T, n *notify.Notifier) (fd int) {
	fd = dup(t, n.FD())
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.SetNonblock(fd, false); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Write(fd, binary.NativeEndian.AppendUint64(nil, notify.MaxCount)); err != nil {
		t.Fatal(err)
	}
	return fd
}

// At worst the one Add that found the eventfd full blocks. Close returns, ends that Add, and wakes all
// waiters.
func TestCloseEndsAnAddThatAHostilePeerBlocks(t *testing.T) {
	if _, err := os.ReadFile("/proc/self/syscall"); err != nil {
		t.Skipf("this system does not show whether a thread is in write(2): %v", err)
	}
	n := mustNew(t)
	n.FD()
	hostile(t, n)
	added := make(chan error, 1)
	number := n.FD()
	go func() { added <- n.Add(1) }()
	hammer.Eventually(t, func() string { return "Add does not block; is the counter not full?" }, func() bool {
		return rawio.InWrite(number)
	})
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-added:
		if err != nil && !errors.Is(err, os.ErrClosed) {
			t.Errorf("Add = %v, want nil or os.ErrClosed", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("Add still blocks after Close")
	}
	// Wait gets the count that was taken to make room, if it comes in time.
	if count, err := n.Wait(background); (count == 0) != errors.Is(err, os.ErrClosed) {
		t.Errorf("Wait = %d, %v; want a count or os.ErrClosed", count, err)
	}
}

// Few calls block: each keeps a thread, and the runtime ends a process that has too many.
func TestHostilePeerBlocksFewThreads(t *testing.T) {
	const notifiers, calls = 5, 1000
	const blocked = notifiers + 32
	var peers []int
	added := make(chan error, calls)
	for range notifiers {
		n := mustNew(t)
		n.FD()
		peers = append(peers, hostile(t, n))
		for range calls / notifiers {
			go func() { added <- n.Add(1) }()
		}
	}
	hammer.Eventually(t, func() string { return fmt.Sprintf("%d of %d calls have returned", len(added), calls) },
		func() bool { return len(added) >= calls-blocked })
	early := len(added)
	for range early {
		if err := <-added; !errors.Is(err, notify.ErrOverflow) {
			t.Errorf("Add = %v, want ErrOverflow", err)
		}
	}
	for _, peer := range peers {
		fetch(t, peer) // makes room
		if err := unix.SetNonblock(peer, true); err != nil {
			t.Error(err)
		}
	}
	for range calls - early {
		if err := <-added; err != nil && !errors.Is(err, notify.ErrOverflow) {
			t.Errorf("Add = %v, want nil or ErrOverflow", err)
		}
	}
}

// Signals through a handle move to the eventfd with a lock held. If the eventfd has no room, they stay
// in the process, and neither calls of this Notifier nor others block.
func TestFullEventfdBlocksNeitherTheDoorbellNorOthers(t *testing.T) {
	n, other := mustNew(t), mustNew(t)
	h, forOther := n.Handle(), other.Handle()
	n.FD()
	peer := hostile(t, n)
	arrivals := startWaiters(other, contexts(1))
	handletest.Signal(h, 7)
	handletest.Signal(forOther, 3)
	if got := <-arrivals; got.count != 3 {
		t.Errorf("the waiter of another Notifier got %d, want 3", got.count)
	}
	if _, err := n.Count(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Count = %v", err)
	}
	var buf [8]byte
	if _, err := unix.Read(peer, buf[:]); err != nil || binary.NativeEndian.Uint64(buf[:]) != notify.MaxCount {
		t.Errorf("the peer read %d, %v, want the count that it wrote", binary.NativeEndian.Uint64(buf[:]), err)
	}
	if got := fetch(t, peer); got != 7 {
		t.Errorf("the peer read %d, want the 7 that waited for room", got)
	}
}

// If preadv2(2) is refused and another holder takes the count between poll(2) and read(2), the read
// blocks. Neither the poller nor Close waits for it, and the next signal is not lost.
func TestReadThatBlocksHoldsNothingUp(t *testing.T) {
	peer, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	n, err := notify.FromFD(dup(t, peer))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close(); unix.Close(peer) })
	other, err := notify.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	other.FD()
	mine, others := startWaiters(n, contexts(1)), startWaiters(other, contexts(1))
	robbed := make(chan struct{})
	var once atomic.Bool
	t.Cleanup(rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		switch {
		case c.Name == "preadv2":
			return unix.ENOSYS
		case c.Name == "read" && once.CompareAndSwap(false, true):
			fetch(t, peer)
			close(robbed)
		}
		return 0
	}))
	write(t, peer, 5)
	<-robbed
	mustWrite(t, other, 3)
	if got := <-others; got.count != 3 {
		t.Errorf("the waiter of another Notifier got %d, want 3", got.count)
	}
	write(t, peer, 7)
	if got := <-mine; got.count != 7 || got.err != nil {
		t.Errorf("the waiter got %d, %v; want 7", got.count, got.err)
	}

	once.Store(false)
	robbed = make(chan struct{})
	mine = startWaiters(n, contexts(1))
	write(t, peer, 5)
	<-robbed
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	if got := <-mine; !errors.Is(got.err, os.ErrClosed) {
		t.Errorf("the waiter got %d, %v; want os.ErrClosed", got.count, got.err)
	}
	write(t, peer, 9) // which ends the read
	if err := unix.SetNonblock(peer, true); err != nil {
		t.Error(err)
	}
	hammer.Eventually(t, func() string { return "the count does not come back" }, func() bool {
		var buf [8]byte
		_, err := unix.Read(peer, buf[:])
		return err == nil && binary.NativeEndian.Uint64(buf[:]) == 9
	})
	write(t, peer, 1) // which ends the read if this test has taken its count once more
}
