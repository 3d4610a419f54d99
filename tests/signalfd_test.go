//go:build linux

package tests

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/internal/testing/child"
)

// These tests check what docs/kernel.md says about signalfd(2), which sees a signal only if no
// thread takes it first.

// All signals arrive through a signalfd if they were blocked before Go started. Go keeps
// SIGUSR1 blocked in each of its threads, and unblocks the signals that end a program or report a
// child.
func TestSignalfdOfASignalBlockedBeforeGo(t *testing.T) {
	p := startBlocked(t, unix.SIGUSR1, unix.SIGHUP, unix.SIGINT, unix.SIGTERM, unix.SIGCHLD)
	if line, err := p.Line(); err != nil || line != "5 signals" {
		t.Errorf("got %q, %v, want 5 signals", line, err)
	}
	if err := p.Wait(); err != nil {
		t.Error(err)
	}
}

// startBlocked starts the process from a thread that blocks the signals, because exec keeps a
// thread's mask. The thread ends with its goroutine, which never unlocks it.
func startBlocked(t *testing.T, signals ...unix.Signal) *child.Process {
	t.Helper()
	started := make(chan *child.Process, 1)
	go func() {
		defer close(started)
		runtime.LockOSThread()
		set := signalSet(signals...)
		if err := unix.PthreadSigmask(unix.SIG_BLOCK, &set, nil); err != nil {
			t.Error(err)
			return
		}
		p, err := child.Start("signalfd", nil)
		if err != nil {
			t.Error(err)
			return
		}
		started <- p
	}()
	p, ok := <-started
	if !ok {
		t.FailNow()
	}
	return p
}

func signalSet(signals ...unix.Signal) (set unix.Sigset_t) {
	const bits = 8 * int(unsafe.Sizeof(set.Val[0]))
	for _, s := range signals {
		set.Val[(int(s)-1)/bits] |= 1 << ((int(s) - 1) % bits)
	}
	return set
}

// playSignalfd sends itself the signal five times, and receives it through a signalfd that it
// watches.
func playSignalfd(ctx context.Context) (string, error) {
	if err := wantBlockedInAllThreads(); err != nil {
		return "", err
	}
	set := signalSet(unix.SIGUSR1)
	fd, err := unix.Signalfd(-1, &set, unix.SFD_CLOEXEC|unix.SFD_NONBLOCK)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	w, err := bridge.Watch(fd, bridge.Readable)
	if err != nil {
		return "", err
	}
	defer w.Close()
	got := 0
	for range 5 {
		if err := unix.Kill(os.Getpid(), unix.SIGUSR1); err != nil {
			return "", err
		}
		select {
		case <-w.C():
		case <-ctx.Done():
			return "", fmt.Errorf("after %d signals: %w", got, ctx.Err())
		}
		var info unix.SignalfdSiginfo
		size, err := unix.Read(fd, unsafe.Slice((*byte)(unsafe.Pointer(&info)), unsafe.Sizeof(info)))
		if size != int(unsafe.Sizeof(info)) || info.Signo != uint32(unix.SIGUSR1) {
			return "", fmt.Errorf("read %d bytes of signal %d, %v", size, info.Signo, err)
		}
		got++
	}
	return fmt.Sprint(got, " signals"), nil
}

// wantBlockedInAllThreads checks the masks of Go's threads. A thread that is just being started
// blocks everything.
func wantBlockedInAllThreads() error {
	paths, _ := filepath.Glob("/proc/self/task/*/status")
	settled := 0
	for _, path := range paths {
		blocked, err := blockedIn(path)
		if err != nil {
			return err
		}
		if !blocked(unix.SIGUSR1) {
			return fmt.Errorf("%s: SIGUSR1 is not blocked", path)
		}
		if blocked(unix.SIGSEGV) {
			continue
		}
		settled++
		for _, s := range []unix.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGTERM, unix.SIGCHLD} {
			if blocked(s) {
				return fmt.Errorf("%s: signal %d is blocked", path, s)
			}
		}
	}
	if settled == 0 {
		return fmt.Errorf("no thread in %q has settled", paths)
	}
	return nil
}

// blockedIn reads the mask of a thread. It reports that a thread that has ended blocks everything.
func blockedIn(path string) (func(unix.Signal) bool, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return func(unix.Signal) bool { return true }, nil
	}
	if err != nil {
		return nil, err
	}
	field := regexp.MustCompile(`(?m)^SigBlk:\s*([0-9a-f]+)$`).FindSubmatch(text)
	if field == nil {
		return nil, fmt.Errorf("%s has no SigBlk", path)
	}
	mask, err := strconv.ParseUint(string(field[1]), 16, 64)
	return func(s unix.Signal) bool { return mask&(1<<(s-1)) != 0 }, err
}
