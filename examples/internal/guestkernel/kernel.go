//go:build linux

package guestkernel

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A Kernel is a stock kernel of Debian, unpacked in the cache and installed nowhere.
type Kernel struct {
	dir     string
	headers string // KDIR of a module's build
}

// A series is where the kernels of a name come from.
type series struct {
	// headers depends on the newest headers of the series, always.
	headers string
	// suite is the one of Debian whose backports have the kernel; "" for what the system uses, which is Debian 12.
	suite string
}

// Newest is the name of the newest kernel that Debian has for a stable release of its own. Its version changes: what it
// is for is to learn early of what changes in kernels.
const Newest = "newest"

// The oldest kernel that Debian 12 supports and its newest, on both sides of the change of eventfd_signal in 6.8, and one
// after hrtimer_init went in 6.15.
var allSeries = map[string]series{
	"6.1":  {"linux-headers-cloud-amd64", ""},
	"6.12": {"linux-headers-6.12-cloud-amd64", ""},
	Newest: {"linux-headers-cloud-amd64", "trixie"},
}

// AllKernels finds all kernels in the cache, by name, or fetches them.
func AllKernels(t *testing.T) map[string]Kernel {
	t.Helper()
	kernels := map[string]Kernel{}
	for name := range allSeries {
		kernels[name] = FindKernel(t, name)
	}
	return kernels
}

// FindKernel finds one kernel likewise: "6.1", "6.12" or [Newest].
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

// kernelPackages names what a module's build and a boot take.
func kernelPackages(t *testing.T, a apt, s series) []string {
	t.Helper()
	headers := a.depend(t, s.headers, `linux-headers-\d\S*`)
	image := strings.Replace(headers, "headers", "image", 1)
	names := []string{headers, image, a.depend(t, headers, `linux-headers-\S*-common`), a.depend(t, headers, `linux-kbuild-\S*`)}
	// Of newer kernels the image is a package without contents.
	names = append(names, a.depends(t, image, `linux-(?:binary|modules)-\S*`)...)
	if s.suite != "" {
		names = append(names, newerLibraries...)
	}
	return names
}

// driverNames are the modules that a kernel keeps, in an order in which they can be loaded.
var driverNames = []string{
	"irqbypass", "kvm", "ccp", "kvm-amd", "iommufd", "vfio", "vfio_virqfd", "vfio_iommu_type1", "vfio-pci-core", "vfio-pci",
}

// Drivers are modules of the kernel's own, in the order in which the guest loads them. A name that the kernel has no
// module for is left out: kernels differ in what is a module, part of another one, or not there.
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

// Shell is a static shell, for programs that start one.
func Shell(t *testing.T) Files {
	t.Helper()
	dir := filepath.Join(cacheDir(t), "shell")
	fetchMissing(t, dir, "", func(apt) []string { return []string{"busybox-static"} }, func(string) {})
	return Files{"bin/sh": onlyMatch(t, filepath.Join(dir, "bin/busybox"))}
}
