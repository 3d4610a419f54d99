package main

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// kernelLogClean returns an error if the kernel's log has a message of a bug in the kernel. An
// oops causes a panic and needs no search.
func kernelLogClean() error {
	log := make([]byte, 1<<20)
	n, err := unix.Klogctl(unix.SYSLOG_ACTION_READ_ALL, log)
	if err != nil {
		return fmt.Errorf("syslog: %w", err)
	}
	var bad []string
	for line := range strings.Lines(string(log[:n])) {
		for _, sign := range []string{"WARNING:", "BUG:", "Oops", "Call Trace", "stall", "lockup", "refcount_t"} {
			if strings.Contains(line, sign) {
				bad = append(bad, strings.TrimSpace(line))
				break
			}
		}
	}
	if len(bad) > 0 {
		return fmt.Errorf("%d lines in the kernel's log: %q", len(bad), bad)
	}
	return nil
}
