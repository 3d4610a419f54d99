//go:build !unix

package rawefd

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"
)

// HasDoorbell reports whether a Doorbell can be made on this system.
const HasDoorbell = false

// PageSize is how much memory NewPage would return.
const PageSize = 4096

var errNoDoorbell = fmt.Errorf("doorbell on %s: %w", runtime.GOOS, errors.ErrUnsupported)

// Doorbell exists so that the packages that import this one compile.
type Doorbell struct{ Polled }

func StartPolling() error                               { return nil } // no descriptor to poll can be opened here
func NewDoorbell() (*Doorbell, error)                   { return nil, errNoDoorbell }
func NewPage() (unsafe.Pointer, error)                  { return nil, errNoDoorbell }
func NewPages(bytes uintptr) (unsafe.Pointer, error)    { return nil, errNoDoorbell }
func FreePages(pages unsafe.Pointer, bytes uintptr)     {}
func Discard(pages unsafe.Pointer, bytes uintptr) error { return errNoDoorbell }
func (d *Doorbell) Number() int                         { return -1 }
func (d *Doorbell) Close()                              {}
func (d *Doorbell) Empty()                              {}
