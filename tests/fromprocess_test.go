//go:build linux

package tests

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/testing/child"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/notify"
	"github.com/eventchan/eventchan/semaphore"
)

func TestParentTakesDescriptorFromChild(t *testing.T) {
	p := child.MustStart(t, "owner", nil)
	line, err := p.Line()
	if err != nil {
		t.Fatal(err)
	}
	var counting, permits int
	if _, err := fmt.Sscan(line, &counting, &permits); err != nil {
		t.Fatal(err)
	}
	n, err := notify.FromProcess(p.Cmd.Process.Pid, counting)
	lacksPtrace(t, err)
	adopted(t)(n, err)
	s, err := semaphore.FromProcess(p.Cmd.Process.Pid, permits)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if showsMode(t, n.FD()) {
		_, err := semaphore.FromProcess(p.Cmd.Process.Pid, counting)
		wantError(t, "a Semaphore from a counting eventfd", err, os.ErrInvalid)
	}
	if s.TryAcquire(3) || !s.TryAcquire(2) {
		t.Error("the Semaphore of the child does not have 2 permits")
	}
	mustAdd(t, n, 9)
	s.Release(5)
	if got, err := p.Line(); got != "9" || err != nil {
		t.Errorf("the child waited for %q, %v, want 9", got, err)
	}
	if err := p.Wait(); err != nil {
		t.Error(err)
	}
	if s.TryAcquire(1) { // the eventfd outlives the child, because it is open here
		t.Error("there is a permit, though the child took all 5")
	}
	if got, err := unix.FcntlInt(uintptr(n.FD()), unix.F_GETFD, 0); got != unix.FD_CLOEXEC || err != nil {
		t.Errorf("descriptor flags: got %#x, %v, want close-on-exec", got, err)
	}
}

// playOwner has a Notifier and a Semaphore that it does not pass to another process.
func playOwner(ctx context.Context) (string, error) {
	n, err := mode.Notifier()
	if err != nil {
		return "", err
	}
	s, err := mode.Semaphore(2)
	if err != nil {
		return "", err
	}
	fmt.Println(n.FD(), s.FD())
	count, err := n.Wait(ctx)
	return strconv.FormatUint(count, 10), errors.Join(err, s.Acquire(ctx, 5), n.Close(), s.Close())
}

func TestChildTakesDescriptorFromParent(t *testing.T) {
	n := newNotifier(t)
	p := child.MustStart(t, "toParent", []string{fmt.Sprintf("%s=%d", fdKey, n.FD())})
	switch got, err := p.Line(); {
	case err != nil:
		t.Fatal(err)
	case got == "refused":
		lacks(t, "a child is not allowed to ptrace its parent here")
	}
	wantWaited(t, n, 7)
	if err := p.Wait(); err != nil {
		t.Error(err)
	}
}

func playToParent(context.Context) (string, error) {
	n, err := notify.FromProcess(os.Getppid(), child.Number(fdKey))
	if errors.Is(err, os.ErrPermission) {
		return "refused", nil
	}
	if err != nil {
		return "", err
	}
	return "added", errors.Join(n.Add(7), n.Close())
}

func lacksPtrace(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.ENOSYS) {
		lacks(t, "pidfd_getfd(2) is not available here: %v", err)
	}
}

func TestFromProcessSaysWhatIsMissing(t *testing.T) {
	p := child.MustStart(t, "owner", nil)
	if _, err := p.Line(); err != nil {
		t.Fatal(err)
	}
	pid := p.Cmd.Process.Pid
	_, err := notify.FromProcess(pid, 9999)
	lacksPtrace(t, err)
	wantError(t, "a descriptor that is not open", err, syscall.EBADF)
	_, err = notify.FromProcess(pid, 0)
	wantError(t, "a pipe", err, os.ErrInvalid)
	p.Cmd.Process.Kill()
	p.Wait() // after which no process has the pid
	_, err = notify.FromProcess(pid, 3)
	wantError(t, "a dead process", err, syscall.ESRCH)
	_, err = semaphore.FromProcess(pid, 3)
	wantError(t, "a dead process", err, syscall.ESRCH)
	_, err = notify.FromProcess(-1, 3)
	wantError(t, "a negative pid", err, os.ErrInvalid)
}
