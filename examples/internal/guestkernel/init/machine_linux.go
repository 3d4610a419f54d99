package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// machine sets up what programs expect: /proc, /sys, /dev and /tmp, and a loopback interface.
func machine() error {
	mounts := []struct{ dir, kind string }{
		{"/proc", "proc"}, {"/sys", "sysfs"}, {"/dev", "devtmpfs"}, {"/tmp", "tmpfs"},
	}
	for _, m := range mounts {
		if err := unix.Mount(m.kind, m.dir, m.kind, 0, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m.dir, err)
		}
	}
	os.Setenv("HOME", "/tmp")
	os.Setenv("PATH", "/bin")
	return errors.Join(loopbackUp(), manyDescriptors())
}

// manyDescriptors raises the limit for the library's tests, which open thousands of eventfds.
func manyDescriptors() error {
	return unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1 << 16, Max: 1 << 16})
}

func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request)
}

// end stops the machine with a status that reports the result.
func end(passed bool) {
	// The console sends its lines in the background, so wait until the last one is sent.
	drainErr := unix.IoctlSetInt(int(os.Stdout.Fd()), unix.TCSBRK, 1)
	err := exitStatus(passed)
	fmt.Println("FAIL end:", errors.Join(drainErr, err))
	unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}
