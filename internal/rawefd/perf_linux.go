package rawefd

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// CheckNested returns an error matching ErrNotPollable if num is a perf event, see perf_event_open(2). The
// poll that finds one ready makes it not ready again. In a nested epoll instance the outer instance, here
// that of Go's runtime, makes that poll, and the inner one then finds nothing.
//
// Whatever else is wrong with num, Epoll.Add finds out.
func CheckNested(num int) error {
	var st unix.Statx_t
	err := retrying("statx", num, 0, func() error { // as fstat(2), but without asking a server, which might not answer
		return unix.Statx(num, "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_TYPE, &st)
	})
	// A file without a type is one of the kernel's own kinds. Before Linux 4.11 and in some sandboxes there is no statx.
	if err == nil && st.Mode&unix.S_IFMT != 0 {
		return nil
	}
	if name, err := readlink(procFile("fd", num)); err != nil || name != "anon_inode:[perf_event]" {
		return nil
	}
	return fmt.Errorf("only the first poll finds a perf event, and that is one of Go's runtime: %w", ErrNotPollable)
}
