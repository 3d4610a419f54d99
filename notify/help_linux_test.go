package notify_test

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/notify"
)

func init() { anySize = append(anySize, way{"write", mustWrite}) }

func mustWrite(t testing.TB, n *notify.Notifier, delta uint64) {
	t.Helper()
	write(t, n.FD(), delta)
}

// write adds to an eventfd as another holder does.
func write(t testing.TB, fd int, delta uint64) {
	t.Helper()
	if _, err := unix.Write(fd, binary.NativeEndian.AppendUint64(nil, delta)); err != nil {
		t.Fatalf("write(2) of %d = %v", delta, err)
	}
}

// dup returns a duplicate of fd, which the test must close or hand over.
func dup(t *testing.T, fd int) int {
	t.Helper()
	d, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// fetch waits for a count and reads it from the eventfd, as C code does.
func fetch(t testing.TB, fd int) uint64 {
	t.Helper()
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, 30_000)
		if err == unix.EINTR {
			continue
		}
		if n != 1 || err != nil {
			t.Fatalf("poll(2) = %d, %v; want the descriptor to be readable", n, err)
		}
		break
	}
	var buf [8]byte
	if _, err := unix.Read(fd, buf[:]); err != nil {
		t.Fatalf("read(2) = %v", err)
	}
	return binary.NativeEndian.Uint64(buf[:])
}

// noDescriptors makes every call fail that needs a new descriptor, until giveBack is called. The limit is
// 1 and not 0, because poll(2) fails if it is given more descriptors than the limit.
func noDescriptors(t *testing.T) (giveBack func()) {
	t.Helper()
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
			t.Fatal(err)
		}
	}
}
