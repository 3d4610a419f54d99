//go:build !cgo || !linux

package chandle

import (
	"syscall"
	"unsafe"
)

// A Thread cannot be had here.
type Thread struct{}

func Add(handle unsafe.Pointer, n uint64, times, late int) (*Thread, error) {
	return nil, ErrUnavailable
}
func AddInterrupted(handle unsafe.Pointer, n uint64, times, late int) (*Thread, error) {
	return nil, ErrUnavailable
}
func AddCancelled(handle unsafe.Pointer, n uint64) (*Thread, error)    { return nil, ErrUnavailable }
func AddTogether(handle unsafe.Pointer, n uint64, k int) (Told, error) { return Told{}, ErrUnavailable }
func Call(function, data unsafe.Pointer, times int) (*Thread, error)   { return nil, ErrUnavailable }
func (t *Thread) Join() (Told, error)                                  { return Told{}, ErrUnavailable }

// A Paused cannot be had here.
type Paused struct{}

func AddPaused(handle unsafe.Pointer) (*Paused, error) { return nil, ErrUnavailable }
func (p *Paused) Enter()                               {}
func (p *Paused) Finish() syscall.Errno                { return syscall.ENOSYS }
