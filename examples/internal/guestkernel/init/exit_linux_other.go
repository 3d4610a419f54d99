//go:build linux && !amd64

package main

import "errors"

// exitStatus cannot end the machine with a status here; the tests boot only amd64.
func exitStatus(bool) error { return errors.ErrUnsupported }
