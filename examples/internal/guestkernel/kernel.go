//go:build linux

package guestkernel

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A Kernel is a stock kernel of Debian, unpacked in the cache and not installed.
type Kernel struct {
	dir     string
	headers string // KDIR of a module's build
}

// A series says where the kernels of a name come from.
type series struct {
	// headers is a package that always depends on the newest headers of the series.
	headers string
	// suite is the suite of Debian whose backports have the kernel, or "" for the system's suite,
	// which is Debian 12.
	suite string
}

// Newest is the name of the newest kernel that Debian has for one of its stable releases. Its
// version changes, so that tests find changes in kernels early.
const Newest = "newest"

// allSeries has the oldest and the newest kernel that Debian 12 supports, which are before and
// after the change of eventfd_signal in 6.8, and one after the removal of hrtimer_init in 6.15.
var allSeries = map[string]series{
	"6.1":  {"linux-headers-cloud-amd64", ""},
	"6.12": {"linux-headers-6.12-cloud-amd64", ""},
	Newest: {"linux-headers-cloud-amd64", "trixie"},
}

// AllKernels returns all kernels by name. It fetches those that are not in the cache.
func AllKernels(t *testing.T) map[string]Kernel {
	t.Helper()
	kernels := map[string]Kernel{}
	for name := range allSeries {
		kernels[name] = FindKernel(t, name)
	}
	return kernels
}

// FindKernel returns one kernel, "6.1", "6.12" or [Newest], in the same way.
func FindKernel(t *testing.T, name string) Kernel {
	t.Helper()
	needTools(t)
	dir := filepath.Join(cacheDir(t), name)
	s := allSeries[name]
	fetchMissing(t, dir, s.suite, func(a apt) []string { return kernelPackages(t, a, s) }, func(unpacked string) {
		keepKernel(t, unpacked)
		relocateHeaders(t, unpacked, dir)
		relocateTools(t, unpacked, dir)
	})
	return Kernel{dir, onlyMatch(t, filepath.Join(dir, "usr/src/linux-headers-*-amd64"))}
}

// kernelPackages returns the packages that are needed to build a module and to boot.
func kernelPackages(t *testing.T, a apt, s series) []string {
	t.Helper()
	headers := a.depend(t, s.headers, `linux-headers-\d\S*`)
	image := strings.Replace(headers, "headers", "image", 1)
	names := []string{headers, image, a.depend(t, headers, `linux-headers-\S*-common`), a.depend(t, headers, `linux-kbuild-\S*`)}
	// The image package of newer kernels is empty and depends on others.
	names = append(names, a.depends(t, image, `linux-(?:binary|modules)-\S*`)...)
	if s.suite != "" {
		names = append(names, newerLibraries...)
	}
	return names
}

// driverNames has the modules that keepKernel keeps, in an order in which they can be loaded.
var driverNames = []string{
	"irqbypass", "kvm", "ccp", "kvm-amd", "iommufd", "vfio", "vfio_virqfd", "vfio_iommu_type1", "vfio-pci-core", "vfio-pci",
}

// Drivers returns modules of the kernel, named so that the guest loads them in this order. A name
// without a module is ignored: in other kernels it can be part of another module, or missing.
func (k Kernel) Drivers(names ...string) Files {
	files := Files{}
	for i, name := range names {
		path := filepath.Join(k.dir, "keep", name+".ko")
		if _, err := os.Stat(path); err == nil {
			files[fmt.Sprintf("modules/%02d-%s.ko", i, name)] = path
		}
	}
	return files
}

// Shell returns a static shell, for programs that start one.
func Shell(t *testing.T) Files {
	t.Helper()
	dir := filepath.Join(cacheDir(t), "shell")
	fetchMissing(t, dir, "", func(apt) []string { return []string{"busybox-static"} }, func(string) {})
	return Files{"bin/sh": onlyMatch(t, filepath.Join(dir, "bin/busybox"))}
}
