//go:build linux

package tests

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/rawio"
	"github.com/eventchan/eventchan/notify"
	"github.com/eventchan/eventchan/semaphore"
)

// These tests check what the test suites of other projects expect of an eventfd, a wake-up or a
// poll. The code is our own; the project that has the test is named above each.

// LTP eventfd01, kernel selftests.
func TestTakeReturnsTheSumAndLeavesZero(t *testing.T) {
	n := newNotifier(t)
	wantTaken(t, n, 0)
	mustAdd(t, n, 3, 4)
	wantTaken(t, n, 7)
	wantTaken(t, n, 0)
	if _, err := rawio.Take(n.FD()); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("read(2) at 0: got %v, want EAGAIN", err)
	}
}

// LTP eventfd02, 03: each side reads what the other has written.
func TestRawProgramAndNotifierShareTheCount(t *testing.T) {
	n := newNotifier(t)
	if err := rawio.Add(n.FD(), 12); err != nil {
		t.Fatal(err)
	}
	wantWaited(t, n, 12)
	mustAdd(t, n, 34)
	if got, err := rawio.Take(n.FD()); got != 34 || err != nil {
		t.Errorf("read: got %d, %v, want 34", got, err)
	}
}

// LTP eventfd01: writing 0.
func TestAddOfZeroDoesNothing(t *testing.T) {
	n := newNotifier(t)
	w := watch(t, n.FD(), bridge.Readable)
	mustAdd(t, n, 0)
	wantTaken(t, n, 0)
	quiet(t)
	nothing(t, w.C())
}

// LTP eventfd04, 05: semaphore reads give 1 each, as often as the count says.
func TestSemaphoreReadsGiveOneEach(t *testing.T) {
	s := newSemaphore(t, 3)
	for i := range 3 {
		if got, err := rawio.Take(s.FD()); got != 1 || err != nil {
			t.Errorf("read %d: got %d, %v, want 1", i, got, err)
		}
	}
	if _, err := rawio.Take(s.FD()); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("the fourth read: got %v, want EAGAIN", err)
	}
	if s.TryAcquire(1) {
		t.Error("TryAcquire took a permit that is not there")
	}
}

// LTP eventfd2_01, 02: the flags of a new eventfd.
func TestNewIsCloseOnExecAndNonBlocking(t *testing.T) {
	n, s := newNotifier(t), newSemaphore(t, 1)
	file, err := n.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var dup int
	conn, err := file.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	conn.Control(func(fd uintptr) { dup = int(fd) })
	for name, fd := range map[string]int{"Notifier": n.FD(), "Semaphore": s.FD(), "File": dup} {
		if flags := fcntl(t, fd, unix.F_GETFD); flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("%s: not close-on-exec", name)
		}
		if flags := fcntl(t, fd, unix.F_GETFL); flags&unix.O_NONBLOCK == 0 {
			t.Errorf("%s: flags %#o, want O_NONBLOCK among them", name, flags)
		}
	}
}

func fcntl(t testing.TB, fd, command int) int {
	t.Helper()
	flags, err := unix.FcntlInt(uintptr(fd), command, 0)
	if err != nil {
		t.Fatal(err)
	}
	return flags
}

// GLib GWakeup.
func TestMillionSignalsNeverBlockAndOneWaitTakesThem(t *testing.T) {
	n := newNotifier(t)
	million := hammer.Rounds(1_000_000)
	for range million {
		if err := n.Notify(); err != nil {
			t.Fatal(err)
		}
	}
	wantWaited(t, n, uint64(million))
	wantTaken(t, n, 0)
}

// GLib GWakeup: 50 threads pass tokens around a ring.
func TestFiftyGoroutinesPassTokensInARing(t *testing.T) {
	const places, tokens, laps = 50, 10, 20
	ring := make([]*notify.Notifier, places)
	for i := range ring {
		ring[i] = newNotifier(t)
	}
	ctx, cancel := context.WithCancel(soon(t))
	defer cancel()
	var passed atomic.Int64
	var wg sync.WaitGroup
	for i, here := range ring {
		next := ring[(i+1)%places]
		wg.Go(func() {
			for {
				count, err := here.Wait(ctx)
				if err != nil {
					return
				}
				if passed.Add(int64(count)) >= places*tokens*laps {
					cancel()
				}
				if err := next.Add(count); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range tokens {
		mustAdd(t, ring[i*places/tokens], 1)
	}
	wg.Wait()
	if got := passed.Load(); got < places*tokens*laps {
		t.Errorf("tokens were passed %d times, want %d", got, places*tokens*laps)
	}
	var left uint64
	for _, n := range ring {
		count, _ := n.TryWait()
		left += count
	}
	if left != tokens {
		t.Errorf("%d tokens at the end, want %d", left, tokens)
	}
}

// Netty's eventfd test: two signals, drained in between, are two wake-ups, and there
// is no third within a second.
func TestTwoSignalsDrainedInBetweenAreTwoWakes(t *testing.T) {
	byC, byWait, watched := newNotifier(t), newNotifier(t), newNotifier(t)
	w := watch(t, watched.FD(), bridge.Readable)
	for _, signal := range []uint64{1, 2} {
		mustAdd(t, byC, signal)
		if got, _ := receive(t, byC.C()); got != signal {
			t.Errorf("C: got %d, want %d", got, signal)
		}
		mustAdd(t, byWait, signal)
		wantWaited(t, byWait, signal)
		mustAdd(t, watched, signal)
		if got, _ := receive(t, w.C()); got != bridge.Readable {
			t.Errorf("the Watcher: got %v, want Readable", got)
		}
		wantTaken(t, watched, signal)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	waiter := inBackground(func() error {
		count, err := byWait.Wait(ctx)
		if err == nil {
			t.Errorf("Wait: a third wake, with count %d", count)
		}
		return nil
	})
	select {
	case count := <-byC.C():
		t.Errorf("C: a third wake, with count %d", count)
	case events := <-w.C():
		t.Errorf("the Watcher: a third wake, with %v", events)
	case <-ctx.Done():
	}
	receive(t, waiter)
}

// libuv: threads hammer uv_async_send while the loop closes the handle.
func TestSenderHammersWhileReceiverCloses(t *testing.T) {
	for round := range hammer.Rounds(50) {
		n := newNotifier(t)
		left := twin(t, n)
		var sent, received atomic.Uint64
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for {
					if err := n.Notify(); err != nil {
						wantError(t, "Notify", err, os.ErrClosed)
						return
					}
					sent.Add(1)
				}
			})
		}
		wg.Go(func() {
			for {
				count, err := n.Wait(context.Background())
				if err != nil {
					wantError(t, "Wait", err, os.ErrClosed)
					return
				}
				// The next Wait receives what is pending at Close.
				if before := received.Add(count) - count; before <= uint64(20*round) && before+count > uint64(20*round) {
					if err := n.Close(); err != nil {
						t.Error(err)
					}
				}
			}
		})
		wg.Wait()
		rest, _ := left.TryWait()
		if got, want := received.Load()+rest, sent.Load(); got != want {
			t.Fatalf("round %d: %d received, %d sent", round, got, want)
		}
		left.Close()
	}
}

// mio: three wakes of a Waker are one event. Unlike there, the count is not lost.
func TestThreeSignalsAreOneWakeWithCountThree(t *testing.T) {
	n := newNotifier(t)
	for range 3 {
		if err := n.Notify(); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := receive(t, n.C()); got != 3 {
		t.Errorf("got %d, want 3", got)
	}
	quiet(t)
	nothing(t, n.C())
}

// vmm-sys-util: try_clone.
func TestDuplicateSharesTheCount(t *testing.T) {
	n := newNotifier(t)
	other := twin(t, n)
	mustAdd(t, other, 6)
	wantTaken(t, n, 6)
	mustAdd(t, other, 7)
	if err := other.Close(); err != nil { // other has never received, so the count stays
		t.Error(err)
	}
	wantTaken(t, n, 7)
	mustAdd(t, n, 8)
	third := twin(t, n)
	if err := n.Close(); err != nil { // n has received before, so Close takes the count
		t.Error(err)
	}
	wantTaken(t, third, 0)
	wantTaken(t, n, 8)
}

// rustix, eventfd_basic.
func TestManyWritersReadAsOneSum(t *testing.T) {
	n := newNotifier(t)
	var wg sync.WaitGroup
	for _, delta := range []uint64{1, 3, 6, 11, 5000} {
		wg.Go(func() { mustAdd(t, n, delta) })
	}
	wg.Wait()
	wantWaited(t, n, 5021)
}

// CPython, test_eventfd_semaphore.
func TestPermitsFromTheStart(t *testing.T) {
	s := newSemaphore(t, 2)
	for i := range 2 {
		if err := s.Acquire(soon(t), 1); err != nil {
			t.Errorf("permit %d: %v", i, err)
		}
	}
	if s.TryAcquire(1) {
		t.Error("a third permit could be acquired")
	}
	third := inBackground(func() error { return s.Acquire(soon(t), 1) })
	quiet(t)
	nothing(t, third)
	s.Release(1)
	if err, _ := receive(t, third); err != nil {
		t.Error(err)
	}
	wantCount(t, s, 0)
}

// tokio-eventfd.
func TestFortyTwoReleasesAreFortyTwoAcquires(t *testing.T) {
	s := newSemaphore(t, 0)
	for range 42 {
		s.Release(1)
	}
	for i := range 42 {
		if err := s.Acquire(soon(t), 1); err != nil {
			t.Fatalf("permit %d: %v", i, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	waiter := inBackground(func() error { return s.Acquire(ctx, 1) })
	quiet(t)
	nothing(t, waiter)
	cancel()
	err, _ := receive(t, waiter)
	wantError(t, "the 43rd", err, context.Canceled)
}

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

// socketPair returns the two ends of a non-blocking stream.
func socketPair(t testing.TB) (a, b int) {
	t.Helper()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(ends[0]); unix.Close(ends[1]) })
	return ends[0], ends[1]
}

// libuv, poll_duplex and poll_unidirectional.
func TestHalfClosedSocketIsPeerClosedAndStillWritable(t *testing.T) {
	here, there := socketPair(t)
	w := watch(t, here, bridge.Readable|bridge.Writable|bridge.PeerClosed)
	if got, _ := receive(t, w.C()); got != bridge.Writable {
		t.Errorf("an idle socket: got %v, want Writable", got)
	}
	if err := unix.Shutdown(there, unix.SHUT_WR); err != nil {
		t.Fatal(err)
	}
	want := bridge.Readable | bridge.Writable | bridge.PeerClosed
	if got, _ := receive(t, w.C()); got != want {
		t.Errorf("the peer shut down its side: got %v, want %v", got, want)
	}
	if _, err := unix.Write(here, []byte("x")); err != nil {
		t.Errorf("the other direction: %v", err)
	}
	if err := unix.Shutdown(here, unix.SHUT_WR); err != nil {
		t.Fatal(err)
	}
	if got, err := w.Wait(soon(t)); got&bridge.HangUp == 0 || err != nil {
		t.Errorf("both sides shut down: got %v, %v, want HangUp among them", got, err)
	}
}

// libuv, poll_oob.
func TestOutOfBandDataIsPriority(t *testing.T) {
	here, there := tcpPair(t)
	w := watch(t, here, bridge.Priority)
	quiet(t)
	nothing(t, w.C())
	if err := unix.Send(there, []byte("!"), unix.MSG_OOB); err != nil {
		t.Fatal(err)
	}
	if got, _ := receive(t, w.C()); got != bridge.Priority {
		t.Errorf("C: got %v, want Priority", got)
	}
	if got, err := w.Wait(soon(t)); got != bridge.Priority || err != nil {
		t.Errorf("Wait: got %v, %v, want Priority", got, err)
	}
	buf := make([]byte, 1)
	if _, _, err := unix.Recvfrom(here, buf, unix.MSG_OOB); err != nil || buf[0] != '!' {
		t.Errorf("the data: got %q, %v", buf, err)
	}
}

// tcpPair returns the two ends of a connection over the loopback device.
func tcpPair(t testing.TB) (a, b int) {
	t.Helper()
	open := func() int {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		return fd
	}
	listener, dialler := open(), open()
	if err := unix.Bind(listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		lacks(t, "no loopback device: %v", err)
	}
	if err := unix.Listen(listener, 1); err != nil {
		t.Fatal(err)
	}
	address, err := unix.Getsockname(listener)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Connect(dialler, address); err != nil {
		lacks(t, "no loopback device: %v", err)
	}
	accepted, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(accepted) })
	return accepted, dialler
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

// tokio AsyncFd: dropping the object wakes its waiters.
func TestCloseWakesEveryWaiter(t *testing.T) {
	n, s := newNotifier(t), newSemaphore(t, 1)
	w := watch(t, eventfd(t, 0, unix.EFD_NONBLOCK), bridge.Readable)
	ended := make(chan error, 30)
	for range 10 {
		go func() { _, err := n.Wait(context.Background()); ended <- err }()
		go func() { ended <- s.Acquire(context.Background(), 2) }()
		go func() { _, err := w.Wait(context.Background()); ended <- err }()
	}
	quiet(t)
	nothing(t, ended)
	for _, closer := range []interface{ Close() error }{n, s, w} {
		if err := closer.Close(); err != nil {
			t.Error(err)
		}
		wantError(t, "the second Close", closer.Close(), os.ErrClosed)
	}
	for range cap(ended) {
		err, _ := receive(t, ended)
		wantError(t, "a waiter", err, os.ErrClosed)
	}
}

// cloudwego/netpoll: the number of a closed connection is immediately reused.
func TestReusedNumberIsAnotherDescriptor(t *testing.T) {
	old, oldPeer := socketPair(t)
	stale := watch(t, old, bridge.Readable)
	kept := duplicate(t, old) // keeps the registration after old is closed
	defer unix.Close(kept)
	fresh := eventfd(t, 0, unix.EFD_NONBLOCK)
	if err := unix.Dup3(fresh, old, unix.O_CLOEXEC); err != nil { // closes old
		t.Fatal(err)
	}
	w := watch(t, old, bridge.Readable)
	if _, err := unix.Write(oldPeer, []byte("for the old one")); err != nil {
		t.Fatal(err)
	}
	quiet(t)
	nothing(t, w.C())
	if got, _ := receive(t, stale.C()); got != bridge.Readable { // through the duplicate
		t.Errorf("the old one: got %v, want Readable", got)
	}
	if err := rawio.Add(fresh, 1); err != nil {
		t.Fatal(err)
	}
	if got, _ := receive(t, w.C()); got != bridge.Readable {
		t.Errorf("the new one: got %v, want Readable", got)
	}
	quiet(t)
	nothing(t, stale.C())
	if _, err := stale.Wait(soon(t)); err == nil {
		t.Error("Wait on the old one succeeded, through the file to which its number refers now")
	}
	if err := stale.Close(); err != nil {
		t.Errorf("Close after the owner has closed the descriptor: %v", err)
	}
	if got, err := w.Wait(soon(t)); got != bridge.Readable || err != nil {
		t.Errorf("the new one, after the old one's Close: got %v, %v, want Readable", got, err)
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

// golang.org/x/sync/semaphore: TestWeightedDoesntBlockIfTooBig and the starvation
// tests.
func TestLargeAcquireIsServedInItsTurn(t *testing.T) {
	s := newSemaphore(t, 2)
	large := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { large <- s.Acquire(ctx, 3) }()
	allAsleep(t)
	small := inBackground(func() error { return s.Acquire(soon(t), 1) })
	quiet(t)
	if s.TryAcquire(1) {
		t.Error("TryAcquire has overtaken a waiter")
	}
	nothing(t, small)
	cancel() // the waiters behind it go on
	err, _ := receive(t, large)
	wantError(t, "the large one", err, context.Canceled)
	if err, _ := receive(t, small); err != nil {
		t.Error(err)
	}
	wantCount(t, s, 1)
}

// A Semaphore has the methods of a Weighted.
var _ interface {
	Acquire(context.Context, int64) error
	TryAcquire(int64) bool
	Release(int64)
} = (*semaphore.Semaphore)(nil)
