package rawefd_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/rawefd"
)

// childKey is set in processes of their own for tests that need one in which nothing has run
// before.
const childKey = "EVENTCHAN_RAWEFD_CHILD"

// notAllowed is the exit status of a child that lacks a permission.
const notAllowed = 77

func init() {
	switch os.Getenv(childKey) {
	case "main thread ends":
		// pthread_exit in C's main does the same. An init function is the only place
		// where Go code is sure to run on that thread.
		runtime.LockOSThread()
		go func() {
			os.Exit(withoutMainThread())
		}()
		unix.Syscall(unix.SYS_EXIT, 0, 0, 0) // of this thread; the scheduler takes the P back
	case "unshared":
		os.Exit(firstFileInUnsharedThread())
	}
}

// child runs this binary as a child.
func child(t *testing.T, what string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Env = append(os.Environ(), childKey+"="+what)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState != nil && cmd.ProcessState.ExitCode() == notAllowed {
		t.Skipf("not allowed here: %s", out)
	}
	if err != nil {
		t.Errorf("in a process where %s: %v\n%s", what, err, out)
	}
}

func withoutMainThread() int {
	for _, err := os.Open("/proc/self/fd/0"); err == nil; _, err = os.Open("/proc/self/fd/0") {
		time.Sleep(time.Millisecond) // until the main thread has ended
	}
	num, err := unix.Eventfd(5, 0)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	f, err := rawefd.Adopt(num, false)
	if err != nil {
		fmt.Println("Adopt:", err)
		return 1
	}
	count, err := f.Count()
	if errors.Is(err, errors.ErrUnsupported) {
		return 0
	}
	if count != 5 || err != nil {
		fmt.Printf("Count = %d, %v; want 5\n", count, err)
		return 1
	}
	return 0
}

func TestAdoptWithoutMainThread(t *testing.T) { child(t, "main thread ends") }

// The first file that Go's runtime polls makes it open its poller. That must not happen on a
// thread with its own table of descriptors, because the poller is for the whole process.
func TestFirstFileInUnsharedThread(t *testing.T) { child(t, "unshared") }

func firstFileInUnsharedThread() int {
	unshared := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_FILES)
		if err == nil {
			var f *rawefd.FD
			if f, err = rawefd.New(0, false); err == nil {
				f.Dup() // can fail
			}
			unshared <- err
			select {} // the thread keeps its table
		}
		fmt.Println(err)
		os.Exit(notAllowed)
	}()
	if err := <-unshared; err != nil {
		fmt.Println(err)
		return 1
	}
	time.Sleep(time.Millisecond) // uses the runtime's poller
	r, w, err := os.Pipe()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	go func() {
		time.Sleep(time.Millisecond)
		w.Write([]byte("x"))
	}()
	if n, err := r.Read(make([]byte, 1)); n != 1 || err != nil {
		fmt.Printf("Read of a pipe = %d, %v\n", n, err)
		return 1
	}
	return 0
}
