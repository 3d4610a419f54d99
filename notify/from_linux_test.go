package notify_test

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/notify"
)

func TestFromFD(t *testing.T) {
	n := mustNew(t)
	m, err := notify.FromFD(dup(t, n.FD()))
	if err != nil {
		t.Fatal(err)
	}
	mustAdd(t, n, 2)
	mustAdd(t, m, 5)
	wantWait(t, m, 7)
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	mustAdd(t, n, 1) // the eventfd stays open
	wantWait(t, n, 1)
}

func TestFromFDSetsCloseOnExec(t *testing.T) {
	fd, err := unix.Eventfd(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	n, err := notify.FromFD(fd)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	flags, err := unix.FcntlInt(uintptr(n.FD()), unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("F_GETFD = %#x, %v; want close-on-exec", flags, err)
	}
}

func TestFromFDRefuses(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	for what, c := range map[string]struct {
		fd   int
		want error
	}{
		"negative":     {-7, os.ErrInvalid},
		"past 32 bits": {past32(7), os.ErrInvalid},
		"not open":     {1 << 20, syscall.EBADF},
		"a pipe":       {int(w.Fd()), os.ErrInvalid},
	} {
		_, err := notify.FromFD(c.fd)
		wantIs(t, "FromFD of "+what, err, c.want)
	}
}

func TestFromProcess(t *testing.T) {
	n := mustNew(t)
	m, err := notify.FromProcess(os.Getpid(), n.FD())
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, os.ErrPermission) {
		t.Skipf("this machine does not let us: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	mustAdd(t, m, 9)
	wantWait(t, n, 9)
	for what, c := range map[string]struct {
		pid, fd int
		want    error
	}{
		"a dead pid":                 {deadPid(t), n.FD(), syscall.ESRCH},
		"pid 0":                      {0, n.FD(), os.ErrInvalid},
		"pid past 32 bits":           {past32(os.Getpid()), n.FD(), os.ErrInvalid},
		"a descriptor not open":      {os.Getpid(), 1 << 20, syscall.EBADF},
		"a negative descriptor":      {os.Getpid(), -1, os.ErrInvalid},
		"a descriptor past 32 bits":  {os.Getpid(), past32(n.FD()), os.ErrInvalid},
		"a descriptor of other kind": {os.Getpid(), 0, os.ErrInvalid},
	} {
		_, err := notify.FromProcess(c.pid, c.fd)
		wantIs(t, "FromProcess of "+what, err, c.want)
	}
}

// past32 returns an int that the kernel, which takes 32 bits, would truncate to n, or -1 if int has only
// 32 bits. Neither is a valid number.
func past32(n int) int {
	if strconv.IntSize == 32 {
		return -1
	}
	return n | 1<<(strconv.IntSize-32)
}

func deadPid(t *testing.T) int {
	t.Helper()
	p, err := os.StartProcess("/proc/self/exe", []string{"x", "-test.run=^$"}, &os.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	return p.Pid
}

func TestFileSharesTheCountAndOutlivesClose(t *testing.T) {
	n := mustNew(t)
	file, err := n.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	mustAdd(t, n, 3)
	var buf [8]byte
	if _, err := file.Read(buf[:]); err != nil || binary.NativeEndian.Uint64(buf[:]) != 3 {
		t.Errorf("read % x, %v from the duplicate; want 3", buf, err)
	}
	if _, err := file.Write(binary.NativeEndian.AppendUint64(nil, 8)); err != nil {
		t.Error(err)
	}
	mustAdd(t, n, 2) // n has never received, so the count stays in the eventfd
	n.Close()
	if _, err := file.Read(buf[:]); err != nil || binary.NativeEndian.Uint64(buf[:]) != 10 {
		t.Errorf("read % x, %v after Close; want 10", buf, err)
	}
}

// Without O_NONBLOCK, reading an empty eventfd would block the poller.
func TestBlockingDescriptorWorksInEveryWay(t *testing.T) {
	fd, err := unix.Eventfd(3, 0)
	if err != nil {
		t.Fatal(err)
	}
	n, err := notify.FromFD(fd)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	wantWait(t, n, 3)
	if got, ok := n.TryWait(); ok {
		t.Errorf("TryWait = %d, true; want nothing", got)
	}
	c := n.C()
	mustAdd(t, n, 4)
	if got := <-c; got != 4 {
		t.Errorf("C gave %d, want 4", got)
	}
	mustAdd(t, n, notify.MaxCount)
	if got := <-c; got != notify.MaxCount {
		t.Errorf("C gave %d, want MaxCount", got)
	}
	wantIs(t, "Add(MaxUint64)", n.Add(math.MaxUint64), notify.ErrOverflow)
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK != 0 {
		t.Errorf("F_GETFL = %#x, %v; want O_NONBLOCK off, as before", flags, err)
	}
}
