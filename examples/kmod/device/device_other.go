//go:build !linux

package device

import (
	"errors"
	"fmt"
	"runtime"
)

// Device is one open /dev/eventchan, which only Linux can have.
type Device struct{}

func unsupported() error {
	return fmt.Errorf("eventchan on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

// Open gives an error that matches [errors.ErrUnsupported].
func Open() (*Device, error) { return nil, unsupported() }

// Attach gives an error that matches [errors.ErrUnsupported], as do all methods here.
func (d *Device) Attach(fd int) error { return unsupported() }

// Detach gives an error.
func (d *Device) Detach() error { return unsupported() }

// Signal gives an error.
func (d *Device) Signal(count uint64, from Source, periodUS uint32) error { return unsupported() }

// Listen gives an error.
func (d *Device) Listen(fd, reply int) error { return unsupported() }

// Unlisten gives an error.
func (d *Device) Unlisten() error { return unsupported() }

// Stats gives an error.
func (d *Device) Stats() (Stats, error) { return Stats{}, unsupported() }

// Close gives an error.
func (d *Device) Close() error { return unsupported() }
