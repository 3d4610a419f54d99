//go:build linux

package tests

import (
	"context"
	"errors"
	"flag"
	"os"
	"runtime/metrics"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/internal/testing/aio"
	"github.com/eventchan/eventchan/internal/testing/child"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/leaktest"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/notify"
	"github.com/eventchan/eventchan/semaphore"
)

// TestMain runs the tests, or plays the role of a process that a test has started.
func TestMain(m *testing.M) {
	child.Play(map[string]child.Role{
		"find":     playFind,
		"owner":    playOwner,
		"passed":   playPassed,
		"permits":  playPermits,
		"share":    playShare,
		"signalfd": playSignalfd,
		"toParent": playToParent,
	})
	leaktest.Main(func() int { return mode.Each(mode.AllInCI(), m.Run) })
}

// limit is how long a test waits for something that must happen. It is not a
// measure of speed, because the machine can be busy.
const limit = 30 * time.Second

// lacks skips a test that needs something that this machine lacks. With EVENTCHAN_CI=1,
// where nothing must be lacking, it fails the test.
func lacks(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("EVENTCHAN_CI") == "1" {
		t.Fatalf("EVENTCHAN_CI=1 allows no skip, but "+format, args...)
	}
	t.Skipf(format, args...)
}

// soon returns a context that ends after limit.
func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits until ok returns true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(limit); !ok(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

// receive returns what c delivers, and whether c is still open.
func receive[T any](t testing.TB, c <-chan T) (T, bool) {
	t.Helper()
	select {
	case v, ok := <-c:
		return v, ok
	case <-time.After(limit):
		t.Fatalf("nothing received within %v", limit)
		panic("unreachable")
	}
}

// newAIO returns a context of Linux AIO that is freed when the test ends.
func newAIO(t testing.TB) *aio.Context {
	t.Helper()
	c, err := aio.New()
	if err != nil {
		lacks(t, "there is no Linux AIO here: %v", err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// nothing fails the test if c has a value or is closed. It is called after quiet, when
// a value that has been sent has already arrived.
func nothing[T any](t testing.TB, c <-chan T) {
	t.Helper()
	select {
	case v, ok := <-c:
		t.Errorf("received %v, open %v; want nothing", v, ok)
	default:
	}
}

// allAsleep waits until all goroutines except the caller's are sleeping.
func allAsleep(t testing.TB) {
	t.Helper()
	samples := []metrics.Sample{
		{Name: "/sched/goroutines/runnable:goroutines"},
		{Name: "/sched/goroutines/running:goroutines"},
		{Name: "/sched/goroutines/not-in-go:goroutines"},
	}
	var profiler uint64 // its thread sleeps outside Go
	if flag.Lookup("test.cpuprofile").Value.String() != "" {
		profiler = 1
	}
	eventually(t, "all goroutines asleep", func() bool {
		metrics.Read(samples)
		return samples[0].Value.Uint64() == 0 && samples[1].Value.Uint64() <= 1 && samples[2].Value.Uint64() <= profiler
	})
}

// quiet waits until all goroutines are sleeping and all events of descriptors so far have been
// handed out, by waiting for a signal that comes after them.
func quiet(t testing.TB) {
	t.Helper()
	allAsleep(t)
	n := newNotifier(t)
	c := n.C()
	mustAdd(t, n, 1)
	receive(t, c)
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	allAsleep(t)
}

// inBackground calls f in a goroutine and returns a channel that receives its error.
func inBackground(f func() error) <-chan error {
	c := make(chan error, 1)
	go func() { c <- f() }()
	return c
}

func newNotifier(t testing.TB) *notify.Notifier {
	t.Helper()
	return adopted(t)(mode.Notifier())
}

// adopted returns a function that takes the results of notify.New, FromFD or
// FromProcess and closes the Notifier when the test ends.
func adopted(t testing.TB) func(*notify.Notifier, error) *notify.Notifier {
	t.Helper()
	return func(n *notify.Notifier, err error) *notify.Notifier {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { n.Close() })
		return n
	}
}

func newSemaphore(t testing.TB, permits int64) *semaphore.Semaphore {
	t.Helper()
	s, err := mode.Semaphore(permits)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func watch(t testing.TB, fd int, events bridge.Events) *bridge.Watcher {
	t.Helper()
	w, err := bridge.Watch(fd, events)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// twin returns another Notifier on the same eventfd.
func twin(t testing.TB, n *notify.Notifier) *notify.Notifier {
	t.Helper()
	return adopted(t)(notify.FromFD(duplicate(t, n.FD())))
}

// twinSemaphore returns another Semaphore on the same eventfd.
func twinSemaphore(t testing.TB, s *semaphore.Semaphore) *semaphore.Semaphore {
	t.Helper()
	other, err := semaphore.FromFD(duplicate(t, s.FD()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	return other
}

// duplicate returns a duplicate of a descriptor. The object that adopts it closes it.
func duplicate(t testing.TB, fd int) int {
	t.Helper()
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return dup
}

// eventfd returns a bare eventfd that is closed when the test ends.
func eventfd(t testing.TB, count uint, flags int) int {
	t.Helper()
	fd, err := unix.Eventfd(count, flags|unix.EFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// mustAdd adds to a Notifier.
func mustAdd(t testing.TB, n *notify.Notifier, deltas ...uint64) {
	t.Helper()
	for _, delta := range deltas {
		if err := n.Add(delta); err != nil {
			t.Error(err)
		}
	}
}

// wantTaken fails the test unless a TryWait takes want, or nothing if want is 0.
func wantTaken(t testing.TB, n *notify.Notifier, want uint64) {
	t.Helper()
	if got, ok := n.TryWait(); got != want || ok != (want > 0) {
		t.Errorf("TryWait: got %d, %v, want %d, %v", got, ok, want, want > 0)
	}
}

// wantWaited fails the test unless a Wait returns want.
func wantWaited(t testing.TB, n *notify.Notifier, want uint64) {
	t.Helper()
	if got, err := n.Wait(soon(t)); got != want || err != nil {
		t.Errorf("Wait: got %d, %v, want %d, nil", got, err, want)
	}
}

// wantCount fails the test unless that many permits are free.
func wantCount(t testing.TB, s *semaphore.Semaphore, want int64) {
	t.Helper()
	got, err := s.Count()
	hammer.Counted(t, err)
	if got != want || err != nil {
		t.Errorf("Count: got %d, %v, want %d, nil", got, err, want)
	}
}

// wantError fails the test unless err matches want.
func wantError(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got error %v, want one that matches %v", what, err, want)
	}
}
