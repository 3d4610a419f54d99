//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A filter makes system calls, by number, return an errno without being run, as
// a container's seccomp profile does. An errno of 0 makes them return 0.
type filter map[uint32]unix.Errno

// filterVariable is the environment variable that makes a test binary put itself under a filter
// and become another program.
const filterVariable = "EVENTCHAN_KERNEL_FILTER"

func TestMain(m *testing.M) {
	if text := os.Getenv(filterVariable); text != "" {
		err := becomeUnder(text, os.Args[1:])
		fmt.Fprintln(os.Stderr, "under a filter:", err)
		os.Exit(2)
	}
	os.Exit(m.Run())
}

// under returns the command that runs a program under a filter. It skips the
// test if filters are not available.
func under(t *testing.T, f filter, program string) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	command := func(argument ...string) *exec.Cmd {
		c := exec.CommandContext(limit(t), os.Args[0], argument...)
		c.Env = append(os.Environ(), filterVariable+"="+string(text))
		return c
	}
	if output, err := command("/bin/true").CombinedOutput(); err != nil {
		skip(t, fmt.Sprintf("seccomp: %v: %s", err, output))
	}
	return command(program)
}

// becomeUnder returns only if it fails. A filter belongs to a thread, and execve(2)
// keeps the filter of the calling thread, so the goroutine must stay on its thread.
func becomeUnder(text string, arguments []string) error {
	runtime.LockOSThread()
	var f filter
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		return err
	}
	if err := f.install(); err != nil {
		return err
	}
	os.Unsetenv(filterVariable)
	return os.NewSyscallError("execve", syscall.Exec(arguments[0], arguments, os.Environ()))
}

// install puts the calling thread under the filter, for good. A program in the
// kernel's old packet filter language checks each call's number, the first
// word of struct seccomp_data. (A filter against an attacker would check the
// architecture as well, because the numbers differ.)
func (f filter) install() error {
	program := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}}
	for call, errno := range f {
		program = append(program,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: call, Jf: 1}, // if not, skip one
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)})
	}
	program = append(program, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})

	// Without this only root can install a filter.
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	header := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&header)))
	if errno != 0 {
		return os.NewSyscallError("seccomp", errno)
	}
	return nil
}
