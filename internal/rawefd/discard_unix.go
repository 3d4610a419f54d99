//go:build unix && !linux

package rawefd

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Discard gives pages of memory from NewPages back to the system. Their address stays
// valid: a write to it gets a new page.
func Discard(pages unsafe.Pointer, bytes uintptr) error {
	_, err := anonymous(pages, bytes, unix.MAP_FIXED)
	return err
}
