//go:build race

// Package race shows the race detector what it cannot see: that a count which
// was added is the count which is taken.
package race

import (
	"runtime"
	"unsafe"
)

// counters stands for all counts of the process. The detector sees neither an
// eventfd nor a word outside Go's memory, least of all that two descriptors are
// one eventfd, so every add happens before every take that follows it, as
// package syscall does it for write and read.
var counters byte

// Release comes before an add.
func Release() { runtime.RaceReleaseMerge(unsafe.Pointer(&counters)) }

// Acquire comes after a take.
func Acquire() { runtime.RaceAcquire(unsafe.Pointer(&counters)) }
