//go:build linux

package guestkernel

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// LeaveSystemAlone fails the test if it installs a kernel, or leaves one where the system has its
// own. Fetched kernels must be only in the cache.
func LeaveSystemAlone(t *testing.T) {
	t.Helper()
	before := systemKernels(t)
	t.Cleanup(func() {
		if after := systemKernels(t); !slices.Equal(before, after) {
			t.Errorf("the system's kernels changed from %q to %q", before, after)
		}
	})
}

// systemKernels returns the files and packages to which installing a kernel or its headers adds.
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
	// If no package matches, dpkg-query prints nothing and fails, which is right here.
	packages, _ := exec.Command("dpkg-query", "-W", "linux-image-*", "linux-headers-*", "linux-kbuild-*").Output()
	return append(found, string(packages))
}
