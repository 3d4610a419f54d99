package rawefd_test

import (
	"encoding/binary"
	"errors"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
)

// robbed makes Take poll, and makes another holder of the eventfd take the count between that
// poll and the read, once.
func robbed(t *testing.T, peer int) *atomic.Bool {
	t.Helper()
	var done atomic.Bool
	setHook(t, func(c rawefd.Call) syscall.Errno {
		switch {
		case c.Name == "preadv2":
			return unix.ENOSYS
		case c.Name == "read" && done.CompareAndSwap(false, true):
			var buf [8]byte
			if _, err := unix.Read(peer, buf[:]); err != nil {
				t.Errorf("read(2) of another holder = %v", err)
			}
		}
		return 0
	})
	return &done
}

// add adds as another holder of the eventfd does, without a call that a Hook sees.
func add(t *testing.T, f *rawefd.FD, count uint64) {
	t.Helper()
	if _, err := unix.Write(f.Number(), binary.NativeEndian.AppendUint64(nil, count)); err != nil {
		t.Fatal(err)
	}
}

// soonTake takes until it has what is wanted.
func soonTake(t *testing.T, f *rawefd.FD, want uint64) {
	t.Helper()
	var sum uint64
	hammer.Eventually(t, func() string { return "the count does not come back" }, func() bool {
		got, err := f.Take()
		if err != nil {
			t.Error(err)
		}
		sum += got
		return sum >= want
	})
	if sum != want {
		t.Errorf("taken %d, want %d", sum, want)
	}
}

// If another holder takes the count first, Take returns even though its read blocks, and later
// counts are not lost.
func TestTakeThatIsRobbedDoesNotBlock(t *testing.T) {
	f := blockingTwin(t)
	done := robbed(t, f.Number())
	add(t, f, 5)
	wantTake(t, f, 0)
	if !done.Load() {
		t.Fatal("Take has not read")
	}
	wantTake(t, f, 0)
	for _, count := range []uint64{7, 8} { // the read that was left behind gets the first
		add(t, f, count)
		soonTake(t, f, count)
	}
}

// Close does not wait for that read either. What the read gets is given back to the others.
func TestCloseAfterATakeThatIsRobbed(t *testing.T) {
	f := mustNew(t, 0, false)
	if err := unix.SetNonblock(f.Number(), false); err != nil {
		t.Fatal(err)
	}
	twin := adoptDup(t, f)
	robbed(t, f.Number())
	add(t, f, 5)
	wantTake(t, twin, 0)
	ended := make(chan struct{})
	twin.Close(func() { close(ended) })
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Error("Close waits for a read that blocks")
	}
	add(t, f, 7)
	soonTake(t, f, 7)
	add(t, f, 1) // ends the read if f has taken the count first
}

// A read that was left behind and then fails causes an event, so that the count is taken.
func TestReadThatFailsLateMakesAnEvent(t *testing.T) {
	f := blockingTwin(t)
	var reads atomic.Int64
	fails := make(chan struct{})
	setHook(t, func(c rawefd.Call) syscall.Errno {
		switch {
		case c.Name == "preadv2":
			return unix.ENOSYS
		case c.Name == "read" && reads.Add(1) == 1:
			var buf [8]byte
			unix.Read(f.Number(), buf[:])
			<-fails
			return unix.EIO
		}
		return 0
	})
	add(t, f, 5)
	wantTake(t, f, 0)
	epoll, err := rawefd.NewEpoll()
	if err != nil {
		t.Fatal(err)
	}
	defer epoll.Close()
	add(t, f, 3)
	var batch rawefd.Batch
	if err := epoll.Add(f.Number(), rawefd.EventIn|rawefd.EventEdge, 0); err != nil {
		t.Fatal(err)
	}
	epoll.Wait(&batch)
	close(fails)
	hammer.Eventually(t, func() string { return "there is no event" }, func() bool {
		events, err := epoll.Wait(&batch)
		return err == nil && len(events) > 0
	})
	wantTake(t, f, 3)
}

// If the runtime could not register a descriptor with its poller, the error is the kernel's. The
// runtime does not poll a descriptor without O_NONBLOCK, which here stands for one that the kernel
// has refused.
func TestRefusalOfTheRuntimesPollerIsReported(t *testing.T) {
	for _, want := range []error{unix.ENOSPC, unix.ENOMEM, os.ErrNoDeadline} {
		num, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
		if err != nil {
			t.Fatal(err)
		}
		setHook(t, func(c rawefd.Call) syscall.Errno {
			errno, _ := want.(syscall.Errno)
			if c.Name == "epoll_ctl" && c.Arg == unix.EPOLL_CTL_ADD && c.Num == num {
				return errno
			}
			return 0
		})
		file, err := rawefd.Epoll(num).File()
		if !errors.Is(err, want) || errors.Is(err, os.ErrNoDeadline) != (want == os.ErrNoDeadline) {
			t.Errorf("File = %v, want an error matching only %v", err, want)
		}
		if file != nil {
			file.Close()
		}
	}
}
