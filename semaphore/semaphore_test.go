package semaphore_test

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/handletest"
	"github.com/eventchan/eventchan/internal/mode"
	"github.com/eventchan/eventchan/semaphore"
)

var background = context.Background()

func mustNew(t testing.TB, permits int64) *semaphore.Semaphore {
	t.Helper()
	s, err := mode.Semaphore(permits)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func mustAcquire(t testing.TB, s *semaphore.Semaphore, n int64) {
	t.Helper()
	if err := s.Acquire(background, n); err != nil {
		t.Errorf("Acquire(%d) = %v", n, err)
	}
}

// eachWay runs a test with permits released by Go, which go straight to who
// waits, and with permits that come from outside as far as the Semaphore knows:
// through the eventfd, and as C threads release them.
func eachWay(t *testing.T, test func(t *testing.T, release func(*semaphore.Semaphore, int64))) {
	t.Run("Release", func(t *testing.T) { test(t, (*semaphore.Semaphore).Release) })
	t.Run("write", func(t *testing.T) {
		test(t, func(s *semaphore.Semaphore, n int64) {
			if _, err := unix.Write(s.FD(), binary.NativeEndian.AppendUint64(nil, uint64(n))); err != nil {
				t.Errorf("write(2) of %d = %v", n, err)
			}
		})
	})
	t.Run("handle", func(t *testing.T) {
		test(t, func(s *semaphore.Semaphore, n int64) {
			if !handletest.Signal(s.Handle(), uint64(n)) {
				t.Errorf("a release of %d through the handle came too late", n)
			}
		})
	})
}

func wantTry(t *testing.T, s *semaphore.Semaphore, n int64, want bool) {
	t.Helper()
	if got := s.TryAcquire(n); got != want {
		t.Errorf("TryAcquire(%d) = %v, want %v", n, got, want)
	}
}

func wantCount(t *testing.T, s *semaphore.Semaphore, want int64) {
	t.Helper()
	if got, err := s.Count(); got != want || err != nil {
		t.Errorf("Count = %d, %v; want %d", got, err, want)
	}
}

func wantIs(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s = %v, want an error that matches %q", what, err, want)
	}
}

func wantPanic(t *testing.T, what, with string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if msg, _ := recover().(string); !strings.Contains(msg, with) {
			t.Errorf("%s panicked with %q, want %q", what, msg, with)
		}
	}()
	f()
}

func ended() context.Context {
	ctx, cancel := context.WithCancel(background)
	cancel()
	return ctx
}

func TestPermitsAreTakenAndReleased(t *testing.T) {
	s := mustNew(t, 2)
	mustAcquire(t, s, 1)
	wantTry(t, s, 1, true)
	wantTry(t, s, 1, false)
	s.Release(5) // permits are not capped
	wantCount(t, s, 5)
	wantTry(t, s, 6, false)
	wantCount(t, s, 5) // all or nothing
	mustAcquire(t, s, 5)
	wantCount(t, s, 0)
}

func TestZeroPermits(t *testing.T) {
	s := mustNew(t, 0)
	mustAcquire(t, s, 0)
	wantTry(t, s, 0, true)
	s.Release(0)
	wantCount(t, s, 0)
	wantIs(t, "Acquire(ended, 0)", s.Acquire(ended(), 0), context.Canceled)
}

func TestEndedContextTakesNothing(t *testing.T) {
	s := mustNew(t, 3)
	if err := s.Acquire(ended(), 1); err != context.Canceled {
		t.Errorf("Acquire = %v, want context.Canceled itself", err)
	}
	wantIs(t, "Acquire(nil)", s.Acquire(nil, 1), os.ErrInvalid) //lint:ignore SA1012 the bad input under test
	wantCount(t, s, 3)
}

func TestMisusePanics(t *testing.T) {
	s := mustNew(t, 0)
	wantPanic(t, "Acquire(-1)", "Acquire(-1)", func() { s.Acquire(background, -1) })
	wantPanic(t, "TryAcquire(-2)", "TryAcquire(-2)", func() { s.TryAcquire(-2) })
	wantPanic(t, "Release(-3)", "Release(-3)", func() { s.Release(-3) })
	s.Release(math.MaxInt64)
	s.Release(math.MaxInt64)
	wantPanic(t, "Release past the maximum", "Release(1)", func() { s.Release(1) })
	wantCount(t, s, math.MaxInt64) // it is twice that, but Count stops there
	wantTry(t, s, 1, true)
	s.Release(1)
}

func TestNewRefusesNegativePermits(t *testing.T) {
	_, err := semaphore.New(-1)
	wantIs(t, "New(-1)", err, os.ErrInvalid)
}

func TestNewHoldsManyPermits(t *testing.T) {
	for _, permits := range []int64{math.MaxUint32, 1 << 32, math.MaxInt64} {
		wantCount(t, mustNew(t, permits), permits)
	}
}

func TestAfterClose(t *testing.T) {
	s := mustNew(t, 4)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, countErr := s.Count()
	_, fileErr := s.File()
	for what, err := range map[string]error{
		"Acquire": s.Acquire(background, 1), "Acquire(0)": s.Acquire(background, 0),
		"Acquire(ended)": s.Acquire(ended(), 1),
		"Count":          countErr, "File": fileErr, "Close": s.Close(),
	} {
		wantIs(t, what+" after Close", err, os.ErrClosed)
	}
	wantTry(t, s, 1, false)
	s.Release(1)
	if fd := s.FD(); fd != -1 {
		t.Errorf("FD = %d after Close, want -1", fd)
	}
	if _, ok := <-s.C(); ok {
		t.Error("C gave a permit after Close")
	}
}

// Others draw from the same permits by read(2) and write(2).
func TestFileSharesThePermits(t *testing.T) {
	s := mustNew(t, 2)
	file, err := s.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var buf [8]byte
	if _, err := file.Read(buf[:]); err != nil || binary.NativeEndian.Uint64(buf[:]) != 1 {
		t.Errorf("read % x, %v; want 1 permit", buf, err)
	}
	wantTry(t, s, 2, false)
	if _, err := file.Write(binary.NativeEndian.AppendUint64(nil, 4)); err != nil {
		t.Error(err)
	}
	wantTry(t, s, 5, true)
	s.Release(1)
	s.Close() // a free permit stays for others
	if _, err := file.Read(buf[:]); err != nil {
		t.Errorf("read = %v after Close, want the permit that was free", err)
	}
}

func TestFromFDAndFromProcessShareThePermits(t *testing.T) {
	s := mustNew(t, 1)
	fd, err := unix.FcntlInt(uintptr(s.FD()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	adopted, err := semaphore.FromFD(fd)
	if err != nil {
		t.Fatal(err)
	}
	defer adopted.Close()
	wantTry(t, adopted, 1, true)
	wantTry(t, s, 1, false)
	fetched, err := semaphore.FromProcess(os.Getpid(), s.FD())
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, os.ErrPermission) {
		t.Skipf("this machine does not let us: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer fetched.Close()
	fetched.Release(1)
	wantTry(t, s, 1, true)
}

func TestFromRefuses(t *testing.T) {
	_, err := semaphore.FromFD(-1)
	wantIs(t, "FromFD(-1)", err, os.ErrInvalid)
	_, err = semaphore.FromFD(1 << 20)
	wantIs(t, "FromFD of a descriptor not open", err, syscall.EBADF)
	_, err = semaphore.FromFD(0)
	wantIs(t, "FromFD of standard input", err, os.ErrInvalid)
	_, err = semaphore.FromProcess(-1, 3)
	wantIs(t, "FromProcess of pid -1", err, os.ErrInvalid)
	_, err = semaphore.FromProcess(os.Getpid(), 1<<20)
	wantIs(t, "FromProcess of a descriptor not open", err, syscall.EBADF)
}

// Whoever waits, and for how many.
func TestNoPermitsAreAlwaysToBeHad(t *testing.T) {
	s := mustNew(t, 1)
	c := newCrowd(s)
	large := c.join(background, 3)
	wantTry(t, s, 0, true)
	mustAcquire(t, s, 0)
	s.Release(2)
	c.want(t, large, nil)
	s.Close()
	wantTry(t, s, 0, false)
}
