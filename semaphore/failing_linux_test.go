package semaphore_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/semaphore"
)

// broken replaces the descriptor of s, without its knowledge, by one of a directory, from which
// read(2) fails. It returns the descriptor and a duplicate of the eventfd.
func broken(t *testing.T, s *semaphore.Semaphore) (num, eventfd int) {
	t.Helper()
	num = s.FD()
	eventfd = dup(t, num)
	t.Cleanup(func() { unix.Close(eventfd) })
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	replace(t, int(dir.Fd()), num)
	return num, eventfd
}

func replace(t *testing.T, by, num int) {
	t.Helper()
	if err := unix.Dup3(by, num, unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
}

func rawRelease(t *testing.T, fd int, n uint64) {
	t.Helper()
	if _, err := unix.Write(fd, binary.NativeEndian.AppendUint64(nil, n)); err != nil {
		t.Fatal(err)
	}
}

// If a system call fails while a waiter is served, that waiter and each waiter behind it get the
// error.
func TestWaiterGetsTheErrorOfAFailingSystemCall(t *testing.T) {
	if mode.Is("handle") {
		return // a handle makes no difference here
	}
	for _, sizes := range [][]int64{{1}, {1, 1, 1}, {3}, {1, 3, 1}} {
		s := mustNew(t, 0)
		s.FD()
		crowd := newCrowd(s)
		for _, n := range sizes {
			crowd.join(background, n)
		}
		num, eventfd := broken(t, s)
		rawRelease(t, eventfd, 1)
		for range sizes {
			select {
			case got := <-crowd.arrivals:
				wantIs(t, "Acquire of a waiter", got.err, unix.EISDIR)
				if text := fmt.Sprintf("semaphore: Acquire on descriptor %d: ", num); got.err != nil && !strings.HasPrefix(got.err.Error(), text) {
					t.Errorf("the error is %q, want it to begin with %q", got.err, text)
				}
			case <-time.After(20 * time.Second):
				t.Fatalf("a waiter of %v still sleeps, but the system call failed", sizes)
			}
		}
		replace(t, eventfd, num)
		mustAcquire(t, s, 1) // the place of a waiter that failed can be reused
		first := crowd.join(background, 1)
		s.Release(1)
		crowd.want(t, first, nil)
	}
}

// C is tried again until the system call succeeds, and waiters behind it get the error.
func TestCIsTriedAgainAfterAFailingSystemCall(t *testing.T) {
	s := mustNew(t, 0)
	s.FD()
	c := s.C()
	crowd := newCrowd(s)
	crowd.join(background, 1)
	num, eventfd := broken(t, s)
	rawRelease(t, eventfd, 1)
	got := <-crowd.arrivals
	wantIs(t, "Acquire behind C", got.err, unix.EISDIR)
	<-time.After(30 * time.Millisecond) // C fails a few more times
	replace(t, eventfd, num)
	select {
	case <-c:
	case <-time.After(20 * time.Second):
		t.Error("C gave no permit after the system had recovered")
	}
}

// Permits that were taken before a system call failed are put back.
func TestFailingAcquireOfSeveralTakesNothing(t *testing.T) {
	s := mustNew(t, 2)
	_, eventfd := broken(t, s)
	if err := s.Acquire(background, 2); err == nil {
		t.Error("Acquire succeeded on a directory")
	}
	wantTry(t, s, 1, false)
	wantTry(t, s, 2, false)
	var buf [8]byte
	for range 2 {
		if _, err := unix.Read(eventfd, buf[:]); err != nil {
			t.Errorf("read(2) = %v, want the permit that was put back", err)
		}
	}
}
