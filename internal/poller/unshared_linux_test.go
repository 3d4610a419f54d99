package poller_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/poller"
	"github.com/eventchan/eventchan/internal/rawefd"
)

const (
	unsharedKey = "EVENTCHAN_UNSHARED"
	notAllowed  = 77 // exit status
)

// A goroutine that has unshared its thread's table of descriptors can use the poller and the
// doorbell first, or after others. Its own calls can fail, but those of other goroutines work,
// before it ends and after.
func TestUnsharedThreadOpensNothingForOthers(t *testing.T) {
	if os.Getenv(unsharedKey) != "" {
		afterUnshare(t)
		if !t.Failed() {
			os.Exit(0) // without a check for leaks: /proc/self can be the unshared thread's
		}
		return
	}
	t.Run("first", func(t *testing.T) { unshare(t, "first") })
	t.Run("second", func(t *testing.T) { unshare(t, "second") })
}

// unshare starts a process in which the unshared thread is the first or the second to use the
// poller.
func unshare(t *testing.T, turn string) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", "-test.run=^TestUnsharedThreadOpensNothingForOthers$")
	cmd.Env = append(os.Environ(), unsharedKey+"="+turn)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState != nil && cmd.ProcessState.ExitCode() == notAllowed {
		t.Skipf("unshare(CLONE_FILES) is not allowed here: %s", out)
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// inUnshared runs f in a goroutine on a thread with its own table of descriptors. The
// thread ends with that goroutine.
func inUnshared(f func()) error {
	unshared := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_FILES)
		if err == nil {
			f()
		}
		unshared <- err
	}()
	return <-unshared
}

// afterUnshare is the test in the process that unshare starts.
func afterUnshare(t *testing.T) {
	f, g := mustNew(t), mustNew(t)
	r, w := pipe(t)
	second := os.Getenv(unsharedKey) == "second"
	if second {
		arm(t, mustNew(t))
	}
	closesInstances(t)
	before := epollInstances(t)
	var door *rawefd.Doorbell
	var doorErr, armErr, watchErr error
	if err := inUnshared(func() {
		door, doorErr = rawefd.NewDoorbell()
		s := poller.NewSource(f.Number(), handler(func() {}))
		armErr = s.Arm()
		_, watchErr = poller.NewWatch(r, rawefd.EventIn, &target{})
	}); err != nil {
		fmt.Println(err)
		os.Exit(notAllowed)
	}
	if doorErr != nil {
		t.Fatal(doorErr)
	}
	if failed := errors.Is(armErr, unix.EBADF); failed == second {
		t.Errorf("Arm in the unshared thread = %v; want EBADF unless another source came first", armErr)
	}
	if !errors.Is(watchErr, unix.EBADF) {
		t.Errorf("NewWatch in the unshared thread = %v, want EBADF", watchErr)
	}
	for deadline := time.Now().Add(10 * time.Second); second && epollInstances(t) != before; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d epoll instances, there were %d", epollInstances(t), before)
		}
	}
	_, calls := arm(t, g)
	for range 3 {
		mustAdd(t, g)
		soon(t, calls)
	}
	edges := make(signaled, 10)
	watch, err := poller.NewWatch(r, rawefd.EventIn, edges)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Write(w, []byte("x")); err != nil {
		t.Fatal(err)
	}
	soon(t, edges)
	watch.Close()
	rings := make(chan int, 10)
	go door.Read(func(uintptr) bool { door.Empty(); rings <- 1; return false })
	soon(t, rings)
	rawefd.Elsewhere(func() { unix.Write(door.Number(), binary.NativeEndian.AppendUint64(nil, 1)) })
	soon(t, rings)
}

// closesInstances checks that an unshared thread closes an instance of the process, as a leader there does.
func closesInstances(t *testing.T) {
	in, err := poller.NewInstance()
	if err != nil {
		t.Fatal(err)
	}
	before := epollInstances(t)
	if err := inUnshared(in.Close); err != nil {
		fmt.Println(err)
		os.Exit(notAllowed)
	}
	if got := epollInstances(t); got != before-1 {
		t.Errorf("%d epoll instances after an unshared thread has closed one of %d", got, before)
	}
}

// epollInstances counts the epoll instances of a thread that is not unshared.
func epollInstances(t *testing.T) (n int) {
	entries, err := os.ReadDir("/proc/thread-self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if name, _ := os.Readlink("/proc/thread-self/fd/" + entry.Name()); strings.HasSuffix(name, "[eventpoll]") {
			n++
		}
	}
	return n
}
