package notify_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"github.com/eventchan/eventchan/notify"
)

func init() { roles["permission"] = askWithoutPermission }

// If the caller is not allowed to ptrace the process, FromProcess returns an error that says so.
func TestFromProcessWithoutPermission(t *testing.T) {
	n := mustNew(t)
	child := exec.Command("/proc/self/exe", strconv.Itoa(os.Getpid()), strconv.Itoa(n.FD()))
	child.Env = append(os.Environ(), roleKey+"=permission")
	if os.Getuid() == 0 {
		const nobody = 65534
		child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	} else {
		child.Args = []string{"", "1", "0"} // root owns the init process
	}
	if out, err := child.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func askWithoutPermission() {
	pid, err := strconv.Atoi(os.Args[1])
	exitIf(err)
	fd, err := strconv.Atoi(os.Args[2])
	exitIf(err)
	n, err := notify.FromProcess(pid, fd)
	if n != nil || !errors.Is(err, os.ErrPermission) && !errors.Is(err, errors.ErrUnsupported) {
		exitIf(fmt.Errorf("FromProcess = %v, %v; want an error that matches os.ErrPermission", n, err))
	}
}
