//go:build unix && !linux

package rawefd

// forget does nothing: off Linux, this package remembers nothing about the system.
func forget() {}
