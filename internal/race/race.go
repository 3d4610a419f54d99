//go:build race

// Package race shows the race detector what it cannot see: that a take happens after the
// adds whose count it takes.
package race

import (
	"runtime"
	"unsafe"
)

// counters stands for all counts of the process. The detector sees neither an
// eventfd nor memory outside Go, and it cannot know that two descriptors refer to
// one eventfd. Therefore every add happens before every take that follows it, as
// in package syscall for write and read.
var counters byte

// Release is called before an add.
func Release() { runtime.RaceReleaseMerge(unsafe.Pointer(&counters)) }

// Acquire is called after a take.
func Acquire() { runtime.RaceAcquire(unsafe.Pointer(&counters)) }
