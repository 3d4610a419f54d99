//go:build linux

package guestkernel

import (
	"os"
	"testing"
)

// Asked reports whether the environment asks for tests that boot kernels.
func Asked() bool { return os.Getenv("EVENTCHAN_KMOD") == "1" }

// SkipUnlessAsked skips the test unless Asked, so that a plain go test is short and does not use
// the network. If asked, the test fails if the machine lacks something.
func SkipUnlessAsked(t *testing.T) {
	t.Helper()
	if !Asked() {
		t.Skip("boots kernels in QEMU: run with EVENTCHAN_KMOD=1 (and EVENTCHAN_INSTALL=1 as root to install QEMU)")
	}
	if testing.Short() {
		t.Skip("boots kernels in QEMU: not with -short")
	}
}
