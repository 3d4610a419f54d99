package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

var signalers = []signaler{
	{name: "aio read", run: aioReads, n: 1_000, exact: true},
	{name: "aio poll", run: aioPolls, n: 1_000, exact: true},
	{name: "io_uring", run: uringNops, n: 1_000, exact: false},
}

// callError returns an error that names the system call, and says whether it was refused.
func callError(call string, errno unix.Errno) error {
	switch errno {
	case 0:
		return nil
	case unix.ENOSYS:
		return refusal(call, errno, "not in this kernel, or hidden by a seccomp filter")
	case unix.EPERM, unix.EACCES:
		return refusal(call, errno, "forbidden by a seccomp filter or a security module")
	}
	return os.NewSyscallError(call, errno)
}

func refusal(call string, errno unix.Errno, why string) error {
	return fmt.Errorf("%w: %w (%s)", errRefused, os.NewSyscallError(call, errno), why)
}
