//go:build unix && !linux

package rawefd

// forget does nothing, since nothing is remembered.
func forget() {}
