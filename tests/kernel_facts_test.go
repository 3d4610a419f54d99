//go:build linux

package tests

import (
	"encoding/binary"
	"errors"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/rawio"
	"github.com/eventchan/eventchan/notify"
)

// These tests check facts that the Linux Test Project and the kernel's selftests state, and that
// matter to callers of the library.

// Reads and writes of fewer than 8 bytes are refused and change nothing.
func TestShortReadsAndWritesAreRefused(t *testing.T) {
	n := newNotifier(t)
	fd := n.FD()
	mustAdd(t, n, 5)
	for size := range 8 {
		if _, err := unix.Read(fd, make([]byte, size)); !errors.Is(err, unix.EINVAL) {
			t.Errorf("read(2) of %d bytes: got %v, want EINVAL", size, err)
		}
		if _, err := unix.Write(fd, make([]byte, size)); !errors.Is(err, unix.EINVAL) {
			t.Errorf("write(2) of %d bytes: got %v, want EINVAL", size, err)
		}
	}
	wantTaken(t, n, 5)
}

// Longer reads and reads in pieces take the count; reads and writes at an offset are refused.
func TestOtherReadsAndWrites(t *testing.T) {
	n := newNotifier(t)
	fd := n.FD()
	mustAdd(t, n, 6)
	long := make([]byte, 64)
	if size, err := unix.Read(fd, long); size != 8 || err != nil || binary.NativeEndian.Uint64(long) != 6 {
		t.Errorf("read(2) of 64 bytes: got %d bytes, %v, the number %d; want 8 and 6", size, err, binary.NativeEndian.Uint64(long))
	}
	mustAdd(t, n, 7)
	halves := make([]byte, 8)
	if size, err := unix.Readv(fd, [][]byte{halves[:4], halves[4:]}); size != 8 || err != nil || binary.NativeEndian.Uint64(halves) != 7 {
		t.Errorf("readv(2) in halves: got %d bytes, %v, the number %d; want 8 and 7", size, err, binary.NativeEndian.Uint64(halves))
	}
	one := binary.NativeEndian.AppendUint64(nil, 1)
	if _, err := unix.Pread(fd, long, 0); !errors.Is(err, unix.ESPIPE) {
		t.Errorf("pread(2): got %v, want ESPIPE", err)
	}
	if _, err := unix.Pwrite(fd, one, 0); !errors.Is(err, unix.ESPIPE) {
		t.Errorf("pwrite(2): got %v, want ESPIPE", err)
	}
	if _, err := unix.Pwritev2(fd, [][]byte{one}, -1, 0); errors.Is(err, unix.EPERM) {
		t.Skip("pwritev2(2) is refused here:", err)
	} else if err != nil {
		t.Errorf("pwritev2(2) at the offset -1: got %v, want nil", err)
	}
	if _, err := unix.Pwritev2(fd, [][]byte{one}, -1, unix.RWF_NOWAIT); !errors.Is(err, unix.EOPNOTSUPP) {
		t.Errorf("pwritev2(2) with RWF_NOWAIT: got %v, want EOPNOTSUPP", err)
	}
	wantTaken(t, n, 1)
}

// A write from memory that does not exist adds nothing, but a read to such memory still takes
// the count.
func TestBadMemory(t *testing.T) {
	n := newNotifier(t)
	fd := n.FD()
	mustAdd(t, n, 8)
	guard, err := unix.Mmap(-1, 0, 4096, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(guard)
	call := func(trap uintptr) unix.Errno {
		_, _, errno := unix.Syscall(trap, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(guard))), 8)
		return errno
	}
	if errno := call(unix.SYS_WRITE); errno != unix.EFAULT {
		t.Errorf("write(2) from no memory: got %v, want EFAULT", errno)
	}
	wantCountOf(t, n, 8)
	if errno := call(unix.SYS_READ); errno != unix.EFAULT {
		t.Errorf("read(2) to no memory: got %v, want EFAULT", errno)
	}
	wantTaken(t, n, 0)
}

func wantCountOf(t *testing.T, n *notify.Notifier, want uint64) {
	t.Helper()
	got, err := n.Count()
	hammer.Counted(t, err)
	if got != want || err != nil {
		t.Errorf("Count: got %d, %v, want %d", got, err, want)
	}
}

func TestDescriptorsAreReadableAndWritable(t *testing.T) {
	for what, fd := range map[string]int{"Notifier": newNotifier(t).FD(), "Semaphore": newSemaphore(t, 1).FD()} {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		if err != nil || flags&unix.O_ACCMODE != unix.O_RDWR {
			t.Errorf("%s: F_GETFL gives %#x, %v, want O_RDWR", what, flags, err)
		}
	}
}

// The count and the flags survive adoption, as in CRIU's test: 30+30+30 is 90.
func TestCountAndFlagsSurviveAdoption(t *testing.T) {
	fd := eventfd(t, 30, unix.EFD_NONBLOCK)
	if err := rawio.Add(fd, 30); err != nil {
		t.Fatal(err)
	}
	before, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	n := adopted(t)(notify.FromFD(duplicate(t, fd)))
	mustAdd(t, n, 30)
	wantTaken(t, n, 90)
	if after, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); after != before || err != nil {
		t.Errorf("F_GETFL gives %#x, %v, before it gave %#x", after, err, before)
	}
}
