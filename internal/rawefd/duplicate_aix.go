package rawefd

import "golang.org/x/sys/unix"

// duplicate is not close-on-exec here, since x/sys/unix lacks that command for AIX.
const duplicate = unix.F_DUPFD
