//go:build !unix

package handletest

import "unsafe"

// Signal exists so that tests compile: there are no handles here.
func Signal(handle unsafe.Pointer, n uint64) bool { return false }
