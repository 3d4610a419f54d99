package notify_test

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/handletest"
	"github.com/eventchan/eventchan/internal/mode"
	"github.com/eventchan/eventchan/notify"
)

var background = context.Background()

func mustNew(t testing.TB) *notify.Notifier {
	t.Helper()
	n, err := mode.Notifier()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

func mustAdd(t testing.TB, n *notify.Notifier, delta uint64) {
	t.Helper()
	if err := n.Add(delta); err != nil {
		t.Fatalf("Add(%d) = %v", delta, err)
	}
}

// eachWay runs a test with signals from Go, which go straight to who waits, and
// with signals that come from outside as far as the Notifier knows: through the
// eventfd, and as C threads send them.
func eachWay(t *testing.T, test func(t *testing.T, add func(testing.TB, *notify.Notifier, uint64))) {
	ofAnySize(t, test)
	t.Run("handle", func(t *testing.T) { test(t, mustSignal) })
}

// ofAnySize is eachWay for counts that are too large for a handle.
func ofAnySize(t *testing.T, test func(t *testing.T, add func(testing.TB, *notify.Notifier, uint64))) {
	t.Run("Add", func(t *testing.T) { test(t, mustAdd) })
	t.Run("write", func(t *testing.T) { test(t, mustWrite) })
}

func mustSignal(t testing.TB, n *notify.Notifier, delta uint64) {
	t.Helper()
	if !handletest.Signal(n.Handle(), delta) {
		t.Fatalf("a signal of %d through the handle came too late", delta)
	}
}

func mustWrite(t testing.TB, n *notify.Notifier, delta uint64) {
	t.Helper()
	if _, err := unix.Write(n.FD(), binary.NativeEndian.AppendUint64(nil, delta)); err != nil {
		t.Fatalf("write(2) of %d = %v", delta, err)
	}
}

func wantWait(t *testing.T, n *notify.Notifier, want uint64) {
	t.Helper()
	if got, err := n.Wait(background); got != want || err != nil {
		t.Errorf("Wait = %d, %v; want %d", got, err, want)
	}
}

func wantCount(t *testing.T, n *notify.Notifier, want uint64) {
	t.Helper()
	if got, err := n.Count(); got != want || err != nil {
		t.Errorf("Count = %d, %v; want %d", got, err, want)
	}
}

func wantIs(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s = %v, want an error that matches %q", what, err, want)
	}
}

// dup returns a descriptor of the same eventfd that the test must hand on.
func dup(t *testing.T, fd int) int {
	t.Helper()
	d, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestWaitTakesTheSum(t *testing.T) {
	n := mustNew(t)
	for _, delta := range []uint64{1, 3, 6, 11, 5000} {
		mustAdd(t, n, delta)
	}
	wantCount(t, n, 5021)
	wantWait(t, n, 5021)
	wantCount(t, n, 0)
	if got, ok := n.TryWait(); ok {
		t.Errorf("TryWait = %d, true after Wait took all", got)
	}
	if err := n.Notify(); err != nil {
		t.Fatal(err)
	}
	if got, ok := n.TryWait(); got != 1 || !ok {
		t.Errorf("TryWait = %d, %v; want 1, true", got, ok)
	}
}

func TestAddZeroDoesNothing(t *testing.T) {
	n := mustNew(t)
	mustAdd(t, n, 0)
	if got, ok := n.TryWait(); ok {
		t.Errorf("TryWait = %d, true after Add(0)", got)
	}
}

func TestOverflowAddsNothing(t *testing.T) {
	n := mustNew(t)
	mustAdd(t, n, notify.MaxCount-1)
	wantIs(t, "Add(2) at MaxCount-1", n.Add(2), notify.ErrOverflow)
	wantIs(t, "Add(MaxUint64)", n.Add(math.MaxUint64), notify.ErrOverflow)
	mustAdd(t, n, 1)
	wantIs(t, "Notify at MaxCount", n.Notify(), notify.ErrOverflow)
	wantWait(t, n, notify.MaxCount)
}

func TestWaitWithEndedContextTakesNothing(t *testing.T) {
	n := mustNew(t)
	mustAdd(t, n, 3)
	ctx, cancel := context.WithCancel(background)
	cancel()
	if got, err := n.Wait(ctx); got != 0 || err != context.Canceled {
		t.Errorf("Wait = %d, %v; want 0 and context.Canceled itself", got, err)
	}
	_, err := n.Wait(nil) //lint:ignore SA1012 a nil ctx is the bad input under test
	wantIs(t, "Wait(nil)", err, os.ErrInvalid)
	wantCount(t, n, 3)
}

func TestAfterClose(t *testing.T) {
	n := mustNew(t)
	mustAdd(t, n, 4)
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	_, waitErr := n.Wait(background)
	ctx, cancel := context.WithCancel(background)
	cancel()
	_, endedErr := n.Wait(ctx)
	_, countErr := n.Count()
	_, fileErr := n.File()
	for what, err := range map[string]error{
		"Notify": n.Notify(), "Add": n.Add(2), "Add(0)": n.Add(0), "Wait": waitErr, "Wait(ended)": endedErr,
		"Count": countErr, "File": fileErr, "Close": n.Close(),
	} {
		wantIs(t, what+" after Close", err, os.ErrClosed)
	}
	if got, ok := n.TryWait(); ok {
		t.Errorf("TryWait = %d, true after Close", got)
	}
	if fd := n.FD(); fd != -1 {
		t.Errorf("FD = %d after Close, want -1", fd)
	}
	if got, ok := <-n.C(); ok {
		t.Errorf("C gave %d after Close, want it closed", got)
	}
}

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
	mustAdd(t, n, 1) // the eventfd lives on
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
		"past 32 bits": {math.MaxInt, os.ErrInvalid},
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
		"pid past 32 bits":           {1<<32 + os.Getpid(), n.FD(), os.ErrInvalid},
		"a descriptor not open":      {os.Getpid(), 1 << 20, syscall.EBADF},
		"a negative descriptor":      {os.Getpid(), -1, os.ErrInvalid},
		"a descriptor past 32 bits":  {os.Getpid(), 1<<32 + n.FD(), os.ErrInvalid},
		"a descriptor of other kind": {os.Getpid(), 0, os.ErrInvalid},
	} {
		_, err := notify.FromProcess(c.pid, c.fd)
		wantIs(t, "FromProcess of "+what, err, c.want)
	}
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
	wantWait(t, n, 8)
	mustAdd(t, n, 2) // nobody waits: it stays in the eventfd
	n.Close()
	if _, err := file.Read(buf[:]); err != nil || binary.NativeEndian.Uint64(buf[:]) != 2 {
		t.Errorf("read % x, %v after Close; want 2", buf, err)
	}
}

// Who cannot be shared goes on as before.
func TestOutOfDescriptorsForTheEventfd(t *testing.T) {
	n, err := notify.New()
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	mustAdd(t, n, 3)
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 0, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	_, err = n.File()
	fd, handle := n.FD(), n.Handle()
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	var call *os.SyscallError
	if !errors.As(err, &call) || call.Syscall != "eventfd2" || call.Err != unix.EMFILE {
		t.Errorf("File = %v, want EMFILE from eventfd2", err)
	}
	if fd != -1 {
		t.Errorf("FD = %d, want -1", fd)
	}
	if handle == nil {
		t.Error("Handle = nil, though the doorbell is open and no other descriptor is needed")
	}
	wantWait(t, n, 3)
	if fd := n.FD(); fd < 0 {
		t.Errorf("FD = %d when there are descriptors again", fd)
	}
}

// A Wait that cannot wait says so; C has nobody to tell and tries again.
func TestOutOfDescriptorsForThePoller(t *testing.T) {
	n, m := mustNew(t), mustNew(t)
	n.FD() // private or with a handle they need no poller
	m.FD()
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 0, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	_, err := n.Wait(background)
	c := m.C()
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	wantIs(t, "Wait", err, unix.EMFILE)
	mustAdd(t, m, 5)
	if got := <-c; got != 5 {
		t.Errorf("C gave %d, want 5", got)
	}
}
