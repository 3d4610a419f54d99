//go:build unix

package hammer

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// CPU returns the CPU time of this process. Unlike the time of day, it does not pass while other
// processes use the processors.
func CPU(t testing.TB) time.Duration {
	t.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
