//go:build linux

package guestkernel

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// LeaveSystemAlone fails a test that installed a kernel, or left one where the system has its own: fetched kernels
// live in the cache only.
func LeaveSystemAlone(t *testing.T) {
	t.Helper()
	before := systemKernels(t)
	t.Cleanup(func() {
		if after := systemKernels(t); !slices.Equal(before, after) {
			t.Errorf("the system's kernels changed from %q to %q", before, after)
		}
	})
}

// systemKernels lists what a kernel or its headers would add to when installed.
func systemKernels(t *testing.T) (found []string) {
	t.Helper()
	for _, dir := range []string{"/boot", "/usr/src", "/lib/modules"} {
		entries, err := os.ReadDir(dir)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for _, entry := range entries {
			found = append(found, filepath.Join(dir, entry.Name()))
		}
	}
	// Without a match it prints nothing and fails, which is an answer too.
	packages, _ := exec.Command("dpkg-query", "-W", "linux-image-*", "linux-headers-*", "linux-kbuild-*").Output()
	return append(found, string(packages))
}
