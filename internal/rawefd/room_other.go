//go:build unix && !linux

package rawefd

import (
	"os"
	"syscall"
)

// roomForRuntime opens as many descriptors as the runtime does when it starts its
// poller, which is usually a kqueue and a pipe.
func roomForRuntime() error {
	for range 3 {
		num, err := syscall.Open("/", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err != nil {
			return os.NewSyscallError("open", err)
		}
		defer syscall.Close(num)
	}
	return nil
}

// pollRefusal returns nil: off Linux, the reason for which the runtime does not poll num is not known.
func pollRefusal(num int) error { return nil }
