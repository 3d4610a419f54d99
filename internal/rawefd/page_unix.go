//go:build unix

package rawefd

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// PageSize is how much memory NewPage returns.
const PageSize = 4096

// NewPage returns zeroed memory that neither Go nor C frees, so that C
// can keep its address. It stays mapped until FreePages, and a child process
// gets a copy.
func NewPage() (unsafe.Pointer, error) { return NewPages(PageSize) }

// NewPages is NewPage for any number of bytes. The memory begins at a page boundary.
func NewPages(bytes uintptr) (unsafe.Pointer, error) { return anonymous(nil, bytes, 0) }

// FreePages unmaps memory from NewPages whose address nothing knows.
func FreePages(pages unsafe.Pointer, bytes uintptr) { unix.MunmapPtr(pages, bytes) }

func anonymous(at unsafe.Pointer, bytes uintptr, flags int) (pages unsafe.Pointer, err error) {
	err = retrying("mmap", -1, bytes, func() (err error) {
		pages, err = unix.MmapPtr(-1, 0, at, bytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|flags)
		return err
	})
	return pages, os.NewSyscallError("mmap", err)
}
