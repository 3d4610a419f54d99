//go:build linux

package tests

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/internal/testing/rawio"
)

// Watch returns the error of epoll, which refuses files that are always ready.
func TestWatchOfEachKindOfFile(t *testing.T) {
	memfd, err := unix.MemfdCreate("facts", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(memfd)
	open := func(name string, flags int) int {
		fd, err := unix.Open(name, flags|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		return fd
	}
	for what, c := range map[string]struct {
		fd   int
		want error
	}{
		"a memfd":          {memfd, bridge.ErrNotPollable},
		"/dev/zero":        {open("/dev/zero", unix.O_RDONLY), bridge.ErrNotPollable},
		"a directory":      {open("/", unix.O_RDONLY), bridge.ErrNotPollable},
		"a path, O_PATH":   {open("/dev/zero", unix.O_PATH), unix.EBADF},
		"an unused number": {1 << 20, unix.EBADF},
	} {
		_, err := bridge.Watch(c.fd, bridge.Readable)
		wantError(t, "Watch of "+what, err, c.want)
	}
}

// An epoll instance can be watched that watches an instance that watches another. One more level
// is too deep.
func TestWatchOfAnEpollInstance(t *testing.T) {
	source := eventfd(t, 0, unix.EFD_NONBLOCK)
	const tooDeep = 4
	inner := source
	for depth := 1; depth <= tooDeep; depth++ {
		epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(epoll)
		if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, inner, &unix.EpollEvent{Events: unix.EPOLLIN}); err != nil {
			t.Fatal(err)
		}
		inner = epoll
		w, err := bridge.Watch(epoll, bridge.Readable)
		if depth == tooDeep {
			wantError(t, "Watch that is too deep", err, bridge.ErrNotPollable)
			wantError(t, "Watch that is too deep", err, unix.ELOOP)
			return
		}
		if err != nil {
			t.Fatalf("Watch at depth %d: %v", depth, err)
		}
		if err := rawio.Add(source, 1); err != nil {
			t.Fatal(err)
		}
		if got, err := w.Wait(soon(t)); got != bridge.Readable || err != nil {
			t.Errorf("Wait at depth %d: got %v, %v, want Readable", depth, got, err)
		}
		if _, err := rawio.Take(source); err != nil {
			t.Fatal(err)
		}
		w.Close()
	}
}

// If the reader of a full pipe goes, a goroutine that is waiting for room in it wakes up.
func TestReaderOfAFullPipeGoes(t *testing.T) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ends[1])
	for {
		if _, err := unix.Write(ends[1], make([]byte, 4096)); err == unix.EAGAIN {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	w := watch(t, ends[1], bridge.Writable)
	done := inBackground(func() error {
		got, err := w.Wait(soon(t))
		if err == nil && got&bridge.Failed == 0 {
			err = fmt.Errorf("got %v, want Failed", got)
		}
		return err
	})
	allAsleep(t)
	unix.Close(ends[0])
	if err, _ := receive(t, done); err != nil {
		t.Errorf("Wait: %v", err)
	}
}

// If 300 of 600 descriptors become ready together, each of these is reported once and the others
// are not reported.
func TestMoreReadyThanOneLookReturns(t *testing.T) {
	var fds [600]int
	var watchers [600]*bridge.Watcher
	for i := range fds {
		fds[i] = eventfd(t, 0, unix.EFD_NONBLOCK)
		watchers[i] = watch(t, fds[i], bridge.Readable)
	}
	for i := 0; i < len(fds); i += 2 {
		if err := rawio.Add(fds[i], 1); err != nil {
			t.Fatal(err)
		}
	}
	for i := 0; i < len(fds); i += 2 {
		if got, _ := receive(t, watchers[i].C()); got != bridge.Readable {
			t.Errorf("watcher %d: got %v, want Readable", i, got)
		}
	}
	quiet(t)
	for _, w := range watchers {
		nothing(t, w.C())
	}
}

// No wake-up is lost if a thread blocks in another epoll instance that watches the eventfd, with
// EPOLLEXCLUSIVE or without.
func TestOtherPollersTakeNoWakeUp(t *testing.T) {
	for _, exclusive := range []uint32{0, unix.EPOLLEXCLUSIVE} {
		n := newNotifier(t)
		fd := n.FD()
		epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
		if err != nil {
			t.Fatal(err)
		}
		end := eventfd(t, 0, 0)
		for _, add := range []struct {
			fd   int
			bits uint32
		}{{fd, unix.EPOLLIN | exclusive}, {end, unix.EPOLLIN}} {
			ev := unix.EpollEvent{Events: add.bits, Fd: int32(add.fd)}
			if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, add.fd, &ev); err != nil {
				t.Fatal(err)
			}
		}
		ended := inBackground(func() error {
			for events := make([]unix.EpollEvent, 2); ; {
				got, err := unix.EpollWait(epoll, events, -1)
				if err != nil && err != unix.EINTR {
					return err
				}
				for _, ev := range events[:max(got, 0)] {
					if int(ev.Fd) == end {
						return nil
					}
				}
			}
		})
		for range 200 {
			got := make(chan error, 1)
			go func() {
				count, err := n.Wait(soon(t))
				if err == nil && count != 1 {
					err = fmt.Errorf("got %d, want 1", count)
				}
				got <- err
			}()
			if err := rawio.Add(fd, 1); err != nil {
				t.Fatal(err)
			}
			if err, _ := receive(t, got); err != nil {
				t.Fatalf("exclusive %v: Wait: %v", exclusive != 0, err)
			}
		}
		if err := rawio.Add(end, 1); err != nil {
			t.Fatal(err)
		}
		if err, _ := receive(t, ended); err != nil {
			t.Error(err)
		}
		unix.Close(epoll)
	}
}

// If epoll does not allow more wake-up paths of an open file, the error of Watch names that limit.
func TestWatchNamesTheLimitOfPaths(t *testing.T) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ends[0])
	defer unix.Close(ends[1])
	var err error
	bits := []bridge.Events{bridge.Readable, bridge.Priority, bridge.Writable, bridge.PeerClosed, bridge.HangUp, bridge.Failed}
	for i := range 1 << len(bits) {
		var events bridge.Events
		for j, bit := range bits {
			if i>>j&1 != 0 {
				events |= bit
			}
		}
		var w *bridge.Watcher
		if w, err = bridge.Watch(ends[0], events); err != nil {
			break
		}
		defer w.Close()
	}
	if err == nil {
		t.Skip("this kernel allows 64 event masks")
	}
	wantError(t, "Watch", err, unix.EINVAL)
	var call *os.SyscallError
	if !errors.As(err, &call) || !strings.Contains(err.Error(), "wake-up paths") {
		t.Errorf("Watch: got %v, want an os.SyscallError and the name of the limit", err)
	}
}
