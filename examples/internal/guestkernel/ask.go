//go:build linux

package guestkernel

import (
	"os"
	"testing"
)

// Asked reports whether tests are to boot kernels.
func Asked() bool { return os.Getenv("EVENTCHAN_KMOD") == "1" }

// SkipUnlessAsked keeps a plain go test short and away from the network. Once asked,
// nothing is a reason to skip.
func SkipUnlessAsked(t *testing.T) {
	t.Helper()
	if !Asked() {
		t.Skip("boots kernels in QEMU: run with EVENTCHAN_KMOD=1 (and EVENTCHAN_INSTALL=1 as root to install QEMU)")
	}
	if testing.Short() {
		t.Skip("boots kernels in QEMU: not with -short")
	}
}
