package rawefd

import (
	"os"

	"golang.org/x/sys/unix"
)

// Pulses reports whether num is a file of proc or cgroup v2, which can report an event to only one
// poll. Some, such as /proc/pressure/memory and /proc/self/mountinfo, give EPOLLPRI only to the
// first poll after something happened. Others, such as cgroup.events, give it until they are read.
// The two cannot be distinguished. Almost all of them are always readable.
//
// If the file system lacks statfs(2), it is neither of the two. If a sandbox refuses that call,
// Pulses returns false, which is right for most files.
func Pulses(num int) (bool, error) {
	var st unix.Statfs_t
	switch err := retrying("fstatfs", num, 0, func() error { return unix.Fstatfs(num, &st) }); err {
	case nil:
		return st.Type == unix.PROC_SUPER_MAGIC || st.Type == unix.CGROUP2_SUPER_MAGIC, nil
	case unix.ENOSYS, unix.EPERM, unix.EACCES:
		return false, nil
	default:
		return false, os.NewSyscallError("fstatfs", err)
	}
}

// Poll returns the events in bits that are there now, as poll(2) does.
func Poll(num int, bits uint32) (uint32, error) {
	fds := [1]unix.PollFd{{Fd: int32(num), Events: int16(bits)}}
	err := retrying("poll", num, 0, func() error {
		_, err := unix.Poll(fds[:], 0)
		return err
	})
	if err != nil {
		return 0, os.NewSyscallError("poll", err)
	}
	return uint32(fds[0].Revents) &^ unix.POLLNVAL, nil
}

// CheckOpen returns an error unless num is open.
func CheckOpen(num int) error {
	_, err := fcntl(num, unix.F_GETFD, 0)
	return os.NewSyscallError("fcntl", err)
}
