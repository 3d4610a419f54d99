package semaphore_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/semaphore"
)

func init() { anySize = append(anySize, way{"write", write}) }

// write releases permits by write(2), as another process does. It panics on an error.
func write(s *semaphore.Semaphore, n int64) { writeTo(s.FD(), n) }

func writeTo(fd int, n int64) {
	if _, err := unix.Write(fd, binary.NativeEndian.AppendUint64(nil, uint64(n))); err != nil {
		panic(fmt.Sprintf("write(2) of %d: %v", n, err))
	}
}

// fetch waits for a permit and takes it from the eventfd, as C code does.
func fetch(t testing.TB, fd int) {
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
	if _, err := unix.Read(fd, buf[:]); err != nil || binary.NativeEndian.Uint64(buf[:]) != 1 {
		t.Fatalf("read(2) of % x = %v, want 1 permit", buf, err)
	}
}

// dup returns a duplicate of fd, which the test must close or hand over.
func dup(t *testing.T, fd int) int {
	d, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Error(err)
	}
	return d
}
