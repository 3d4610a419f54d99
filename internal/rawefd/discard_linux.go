package rawefd

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Discard gives pages of memory from NewPages back to the system. Their address stays
// valid: a write to it gets a new page. The pages are unlocked if mlock(2) or mlockall(2) has locked
// them, as real-time programs do. A new mapping at the address, as on other systems, would itself be
// locked, with all its pages, after mlockall(MCL_FUTURE).
func Discard(pages unsafe.Pointer, bytes uintptr) error {
	memory := unsafe.Slice((*byte)(pages), bytes)
	discard := func() error { return unix.Madvise(memory, unix.MADV_DONTNEED) }
	err := retrying("madvise", -1, bytes, discard)
	if err == unix.EINVAL && unix.Munlock(memory) == nil {
		err = retrying("madvise", -1, bytes, discard)
	}
	return os.NewSyscallError("madvise", err)
}
