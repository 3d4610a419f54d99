//go:build race

package rawefd

import (
	"runtime"
	"unsafe"
)

// counters stands for all eventfds of the process. The detector cannot see
// that a count which was written is the count which was read, least of all
// through two descriptors of one eventfd, so every Add happens before every
// Take that follows it, as package syscall does it for write and read.
var counters byte

func raceRelease() { runtime.RaceReleaseMerge(unsafe.Pointer(&counters)) }
func raceAcquire() { runtime.RaceAcquire(unsafe.Pointer(&counters)) }
