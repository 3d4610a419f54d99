//go:build !linux

package device

import (
	"errors"
	"fmt"
	"runtime"
)

// Device exists so that programs compile: only Linux has /dev/eventchan.
type Device struct{}

func unsupported() error {
	return fmt.Errorf("eventchan on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

// Open returns an error matching [errors.ErrUnsupported].
func Open() (*Device, error) { return nil, unsupported() }

// Attach returns an error matching [errors.ErrUnsupported], as do all methods here.
func (d *Device) Attach(fd int) error { return unsupported() }

// Detach returns an error.
func (d *Device) Detach() error { return unsupported() }

// Signal returns an error.
func (d *Device) Signal(count uint64, from Source, periodUS uint32) error { return unsupported() }

// Listen returns an error.
func (d *Device) Listen(fd, reply int) error { return unsupported() }

// Unlisten returns an error.
func (d *Device) Unlisten() error { return unsupported() }

// Stats returns an error.
func (d *Device) Stats() (Stats, error) { return Stats{}, unsupported() }

// Close returns an error.
func (d *Device) Close() error { return unsupported() }
