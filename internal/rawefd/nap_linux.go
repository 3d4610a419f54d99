package rawefd

import (
	"time"

	"golang.org/x/sys/unix"
)

// Nap blocks the thread for d, or less if a signal comes. Unlike time.Sleep it does not use the
// runtime's poller.
func Nap(d time.Duration) {
	t := unix.NsecToTimespec(int64(d))
	unix.Nanosleep(&t, nil)
}
