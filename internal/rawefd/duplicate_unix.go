//go:build unix && !aix

package rawefd

import "golang.org/x/sys/unix"

// duplicate is the fcntl(2) command that duplicates a descriptor, close-on-exec.
const duplicate = unix.F_DUPFD_CLOEXEC
