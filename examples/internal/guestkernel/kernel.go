package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A kernel is a stock kernel of Debian, unpacked in the cache and installed nowhere.
type kernel struct {
	image   string // bzImage, for QEMU
	headers string // KDIR of a module's build
}

// stockKernels finds kernels in the cache, or fetches them.
func stockKernels(t *testing.T, series map[string]string) map[string]kernel {
	t.Helper()
	cache := cacheDir(t)
	kernels := map[string]kernel{}
	for name, headers := range series {
		fetchMissing(t, filepath.Join(cache, name), func(a apt) []string { return kernelPackages(t, a, name, headers) })
		kernels[name] = kernel{
			image:   onlyMatch(t, filepath.Join(cache, name, "boot/vmlinuz-*")),
			headers: onlyMatch(t, filepath.Join(cache, name, "usr/src/linux-headers-*-amd64")),
		}
	}
	return kernels
}

// shell finds a static shell likewise, for those of the library's examples that start one.
func shell(t *testing.T) files {
	t.Helper()
	dir := filepath.Join(cacheDir(t), "shell")
	fetchMissing(t, dir, func(apt) []string { return []string{"busybox-static"} })
	return files{"bin/sh": onlyMatch(t, filepath.Join(dir, "bin/busybox"))}
}

// fetchMissing unpacks packages into dir unless it exists.
func fetchMissing(t *testing.T, dir string, packages func(apt) []string) {
	t.Helper()
	if _, err := os.Stat(dir); err == nil {
		return
	}
	apt := newApt(t)
	// Unpacked beside its place and renamed: a run that is stopped leaves nothing half done behind.
	unpacked := filepath.Join(apt.dir, "unpacked")
	for _, deb := range apt.download(t, packages(apt)) {
		command(t, "", "dpkg", "-x", deb, unpacked)
	}
	relocate(t, unpacked, dir)
	os.RemoveAll(filepath.Join(unpacked, "lib/modules")) // drivers: 100 MB that no test loads
	if err := os.Rename(unpacked, dir); err != nil && !os.IsExist(err) {
		t.Fatal(err)
	}
}

// kernelPackages names what a module's build and a boot take, of the newest kernel of the series.
func kernelPackages(t *testing.T, apt apt, series, headersPackage string) []string {
	t.Helper()
	headers := apt.depends(t, headersPackage, "linux-headers-"+series+".")[0]
	image := strings.Replace(headers, "headers", "image", 1)
	other := apt.depends(t, headers, "linux-headers-"+series, "linux-kbuild-"+series)
	return append(other, headers, image)
}

// relocate makes the one absolute path in unpacked headers, an include of their other half, point below dir.
func relocate(t *testing.T, unpacked, dir string) {
	t.Helper()
	makefiles, _ := filepath.Glob(filepath.Join(unpacked, "usr/src/linux-headers-*-amd64/Makefile"))
	for _, makefile := range makefiles {
		text, err := os.ReadFile(makefile)
		if err != nil {
			t.Fatal(err)
		}
		moved := strings.ReplaceAll(string(text), "include /usr/src/", "include "+dir+"/usr/src/")
		if err := os.WriteFile(makefile, []byte(moved), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func onlyMatch(t *testing.T, pattern string) string {
	t.Helper()
	paths, _ := filepath.Glob(pattern)
	if len(paths) != 1 {
		t.Fatalf("%s matches %q, want one file; delete the cache to fetch again", pattern, paths)
	}
	return paths[0]
}
