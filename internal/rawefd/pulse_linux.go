package rawefd

import "golang.org/x/sys/unix"

// Pulses reports whether num is a file whose poll takes the event that it
// reports: the files of proc and of cgroup v2, such as /proc/pressure/memory and
// /proc/self/mountinfo. They are readable at any time and give EPOLLPRI to the
// one poll that comes first after something happened.
func Pulses(num int) bool {
	var st unix.Statfs_t
	if retrying("fstatfs", num, 0, func() error { return unix.Fstatfs(num, &st) }) != nil {
		return false
	}
	return st.Type == unix.PROC_SUPER_MAGIC || st.Type == unix.CGROUP2_SUPER_MAGIC
}

// Poll returns those of the events in bits that are there now, as poll(2) does.
func Poll(num int, bits uint32) uint32 {
	fds := [1]unix.PollFd{{Fd: int32(num), Events: int16(bits)}}
	err := retrying("poll", num, 0, func() error {
		_, err := unix.Poll(fds[:], 0)
		return err
	})
	if err != nil {
		return 0
	}
	return uint32(fds[0].Revents) &^ unix.POLLNVAL
}
