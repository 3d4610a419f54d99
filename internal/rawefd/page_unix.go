//go:build unix

package rawefd

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// PageSize is how much memory NewPage returns.
const PageSize = 4096

// NewPage returns zeroed memory that is neither Go's nor C's to free, so that C
// may keep its address for ever. It is never unmapped, and a child process gets
// a copy.
func NewPage() (unsafe.Pointer, error) {
	var page unsafe.Pointer
	err := retrying("mmap", -1, 0, func() (err error) {
		page, err = unix.MmapPtr(-1, 0, nil, PageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
		return err
	})
	return page, os.NewSyscallError("mmap", err)
}
