package semaphore_test

import (
	"encoding/binary"
	"errors"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/semaphore"
)

// Other holders take and add permits by read(2) and write(2).
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
	s.Close() // a free permit stays in the eventfd
	if _, err := file.Read(buf[:]); err != nil {
		t.Errorf("read = %v after Close, want the free permit", err)
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
	wantIs(t, "FromFD of a closed descriptor", err, syscall.EBADF)
	_, err = semaphore.FromFD(0)
	wantIs(t, "FromFD of standard input", err, os.ErrInvalid)
	_, err = semaphore.FromProcess(-1, 3)
	wantIs(t, "FromProcess of pid -1", err, os.ErrInvalid)
	_, err = semaphore.FromProcess(os.Getpid(), 1<<20)
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, os.ErrPermission) {
		t.Skipf("this machine does not let us: %v", err)
	}
	wantIs(t, "FromProcess of a closed descriptor", err, syscall.EBADF)
}

// Two waiters that each need all permits do not deadlock, even though both take them one by one.
func TestTwoWaitersForAllDoNotDeadlock(t *testing.T) {
	const permits, rounds = 5, 500
	one := mustNew(t, permits)
	fd, err := unix.FcntlInt(uintptr(one.FD()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	other, err := semaphore.FromFD(fd) // it knows nothing of one, like another process
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	done := make(chan struct{})
	holders := make(chan struct{}, 1)
	for _, s := range []*semaphore.Semaphore{one, other} {
		go func() {
			for range rounds {
				mustAcquire(t, s, permits)
				select {
				case holders <- struct{}{}:
				default:
					t.Error("two goroutines hold all permits")
				}
				<-holders
				s.Release(permits)
			}
			done <- struct{}{}
		}()
	}
	<-done
	<-done
	wantCount(t, one, permits)
}

func TestCReservesOnePermitAndClosePutsItBack(t *testing.T) {
	s := mustNew(t, 3)
	file, err := s.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	c := s.C()
	wantCount(t, s, 2)
	s.Close()
	if _, ok := <-c; ok {
		t.Error("C gave a permit after Close")
	}
	var buf [8]byte
	for range 3 {
		if _, err := file.Read(buf[:]); err != nil {
			t.Error(err)
		}
	}
}
