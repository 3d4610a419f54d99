//go:build linux

package tests

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/internal/testing/child"
	"github.com/eventchan/eventchan/internal/testing/rawio"
	"github.com/eventchan/eventchan/notify"
)

// fdKey is the environment variable with the eventfds for which a process looks.
const fdKey = "EVENTCHAN_TEST_FD"

// These tests are about the ways in which another process gets an eventfd.

func TestChildSignalsThroughExtraFiles(t *testing.T) {
	n := newNotifier(t)
	file, err := n.File()
	if err != nil {
		t.Fatal(err)
	}
	p := child.MustStart(t, "signal", []string{child.TimesKey + "=42"}, file)
	var sum uint64
	for sum < 42 {
		count, err := n.Wait(soon(t))
		if err != nil {
			t.Fatalf("after %d of 42 signals: %v", sum, err)
		}
		sum += count
	}
	if err := p.Wait(); err != nil {
		t.Error(err)
	}
	if sum != 42 {
		t.Errorf("got %d signals, want 42", sum)
	}
	wantTaken(t, n, 0)
}

// A child has only the eventfds that were passed to it. The test looks for the others by their
// kernel ids, because numbers have no meaning in another process.
func TestExecPassesNoDescriptorUnasked(t *testing.T) {
	n, s := newNotifier(t), newSemaphore(t, 1)
	own, err := notify.FromFD(mustEventfdWithoutCloexec(t))
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	file, err := s.File()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, fd := range []int{n.FD(), s.FD(), own.FD()} {
		ids = append(ids, info(t, fd, "eventfd-id"))
	}
	p := child.MustStart(t, "find", []string{fdKey + "=" + strings.Join(ids, ",")}, file)
	got, err := p.Line()
	if err := errors.Join(err, p.Wait()); err != nil {
		t.Fatal(err)
	}
	if got != ids[1] {
		t.Errorf("of the eventfds %v the child has %q, want only the passed one, %q", ids, got, ids[1])
	}
}

func mustEventfdWithoutCloexec(t testing.TB) int {
	t.Helper()
	fd, err := unix.Eventfd(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

// playFind returns which of the given eventfds are open here.
func playFind(context.Context) (string, error) {
	entries, err := os.ReadDir("/proc/self/fdinfo")
	if err != nil {
		return "", err
	}
	var found []string
	for _, id := range strings.Split(os.Getenv(fdKey), ",") {
		for _, entry := range entries {
			text, _ := os.ReadFile("/proc/self/fdinfo/" + entry.Name())
			if field(text, "eventfd-id") == id {
				found = append(found, id)
			}
		}
	}
	return strings.Join(found, ","), nil
}

// info returns a field of /proc/self/fdinfo.
func info(t testing.TB, fd int, name string) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", fd))
	if err != nil {
		t.Fatal(err)
	}
	value := field(text, name)
	if value == "" {
		lacks(t, "this kernel does not show %s in fdinfo:\n%s", name, text)
	}
	return value
}

// showsMode reports whether the system shows the mode of an eventfd. Linux does from 6.5 on;
// gVisor does not.
func showsMode(t testing.TB, fd int) bool {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", fd))
	if err != nil {
		t.Fatal(err)
	}
	return field(text, "eventfd-semaphore") != ""
}

func field(text []byte, name string) string {
	for line := range bytes.Lines(text) {
		if value, ok := bytes.CutPrefix(line, []byte(name+":")); ok {
			return string(bytes.TrimSpace(value))
		}
	}
	return ""
}

func TestDescriptorPassedOverSocketSharesTheCount(t *testing.T) {
	n := newNotifier(t)
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ends[0])
	p := child.MustStart(t, "passed", nil, os.NewFile(uintptr(ends[1]), "socket"))
	mustAdd(t, n, 5)
	if err := unix.Sendmsg(ends[0], []byte{'!'}, unix.UnixRights(n.FD()), nil, 0); err != nil {
		t.Fatal(err)
	}
	if got, err := p.Line(); got != "5" || err != nil {
		t.Errorf("the child waited for %q, %v, want 5", got, err)
	}
	wantWaited(t, n, 11)
	if err := p.Wait(); err != nil {
		t.Error(err)
	}
}

// playPassed receives a descriptor, takes what is pending and adds 11.
func playPassed(ctx context.Context) (string, error) {
	oob := make([]byte, unix.CmsgSpace(4))
	_, m, _, _, err := unix.Recvmsg(child.Inherited, make([]byte, 1), oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return "", err
	}
	messages, err := unix.ParseSocketControlMessage(oob[:m])
	if err != nil || len(messages) != 1 {
		return "", fmt.Errorf("%d control messages, %v", len(messages), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return "", err
	}
	n, err := notify.FromFD(fds[0])
	if err != nil {
		return "", err
	}
	// Closing a Notifier that has received takes what is pending, so the signal is written to a
	// duplicate.
	file, err := n.File()
	if err != nil {
		return "", err
	}
	defer file.Close()
	count, err := n.Wait(ctx)
	return strconv.FormatUint(count, 10), errors.Join(err, n.Close(), rawio.Add(int(file.Fd()), 11))
}

// If a process that holds an eventfd is killed, the eventfd keeps working and there is no
// event.
func TestHolderThatDiesLeavesTheCount(t *testing.T) {
	n := newNotifier(t)
	file, err := n.File()
	if err != nil {
		t.Fatal(err)
	}
	p := child.MustStart(t, "receive", nil, file)
	p.Cmd.Process.Kill()
	p.Wait()
	w := watch(t, n.FD(), bridge.Readable)
	quiet(t)
	nothing(t, w.C())
	mustAdd(t, n, 3)
	wantWaited(t, n, 3)
}
