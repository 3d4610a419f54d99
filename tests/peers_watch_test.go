//go:build linux

package tests

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/internal/testing/rawio"
)

// libuv, poll_bad_fdtype.
func TestRegularFileIsNotPollable(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "regular")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	_, err = bridge.Watch(int(file.Fd()), bridge.Readable)
	wantError(t, "a regular file", err, bridge.ErrNotPollable)
	wantError(t, "a regular file", err, unix.EPERM)
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	_, err = bridge.Watch(int(dir.Fd()), bridge.Readable)
	wantError(t, "a directory", err, bridge.ErrNotPollable)
}

// libuv, poll_multiple_handles and poll_close.
func TestSixtyFourWatchesAreClosed(t *testing.T) {
	fd := eventfd(t, 0, unix.EFD_NONBLOCK)
	var watchers []*bridge.Watcher
	for range 64 {
		watchers = append(watchers, watch(t, fd, bridge.Readable))
	}
	if err := rawio.Add(fd, 1); err != nil {
		t.Fatal(err)
	}
	for i, w := range watchers {
		if got, _ := receive(t, w.C()); got != bridge.Readable {
			t.Errorf("watcher %d: got %v, want Readable", i, got)
		}
	}
	for i, w := range watchers {
		if err := w.Close(); err != nil {
			t.Errorf("watcher %d: %v", i, err)
		}
		if events, open := receive(t, w.C()); open {
			t.Errorf("watcher %d: got %v after Close, want C closed", i, events)
		}
	}
	if got, err := rawio.Take(fd); got != 1 || err != nil {
		t.Errorf("the descriptor: got %d, %v, want 1, because a Watcher does not read", got, err)
	}
}

// libuv, poll_nested_epoll.
func TestNestedEpollIsReadable(t *testing.T) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ep)
	fd := eventfd(t, 0, unix.EFD_NONBLOCK)
	if err := unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
		t.Fatal(err)
	}
	w := watch(t, ep, bridge.Readable)
	quiet(t)
	nothing(t, w.C())
	for range 2 {
		if err := rawio.Add(fd, 1); err != nil {
			t.Fatal(err)
		}
		if got, _ := receive(t, w.C()); got != bridge.Readable {
			t.Errorf("C: got %v, want Readable", got)
		}
		if got, err := w.Wait(soon(t)); got != bridge.Readable || err != nil {
			t.Errorf("Wait: got %v, %v, want Readable", got, err)
		}
		var events [1]unix.EpollEvent
		if n, err := unix.EpollWait(ep, events[:], 0); n != 1 || err != nil || events[0].Fd != int32(fd) {
			t.Errorf("the inner epoll: got %d, %v, want an event of descriptor %d", n, err, fd)
		}
		if _, err := rawio.Take(fd); err != nil {
			t.Error(err)
		}
	}
}

// libuv and sd-event: the handler of an event stops its own watch.
func TestHandlerClosesItsOwnWatcher(t *testing.T) {
	fd := eventfd(t, 1, unix.EFD_NONBLOCK)
	w := watch(t, fd, bridge.Readable)
	n := newNotifier(t)
	mustAdd(t, n, 2)
	s := newSemaphore(t, 1)
	for range w.C() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
	for count := range n.C() {
		if err := n.Close(); count != 2 || err != nil {
			t.Errorf("got count %d and %v, want 2", count, err)
		}
	}
	for range s.C() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// tokio AsyncFd: a descriptor can be watched again after Close.
func TestDescriptorIsWatchedAgainAfterClose(t *testing.T) {
	fd := eventfd(t, 5, unix.EFD_NONBLOCK)
	for range 3 {
		w := watch(t, fd, bridge.Readable)
		if got, _ := receive(t, w.C()); got != bridge.Readable {
			t.Errorf("got %v, want Readable", got)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
}

// cilium/ebpf's poller: a descriptor that stays ready is not reported again
// with each event of another.
func TestEventOfOneDescriptorIsNotAnEdgeOfAnother(t *testing.T) {
	one, other := eventfd(t, 1, unix.EFD_NONBLOCK), eventfd(t, 0, unix.EFD_NONBLOCK)
	wOne, wOther := watch(t, one, bridge.Readable), watch(t, other, bridge.Readable)
	receive(t, wOne.C())
	for range 10 {
		if err := rawio.Add(other, 1); err != nil {
			t.Fatal(err)
		}
		if got, _ := receive(t, wOther.C()); got != bridge.Readable {
			t.Errorf("got %v, want Readable", got)
		}
		if _, err := rawio.Take(other); err != nil {
			t.Error(err)
		}
	}
	quiet(t)
	nothing(t, wOne.C())
	if err := wOne.Rearm(); err != nil { // asks for another event
		t.Error(err)
	}
	if got, _ := receive(t, wOne.C()); got != bridge.Readable {
		t.Errorf("after Rearm: got %v, want Readable", got)
	}
}
