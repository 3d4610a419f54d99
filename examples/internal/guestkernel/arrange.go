//go:build linux

package guestkernel

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// keepKernel moves a kernel and some of its modules to the folder keep, and deletes the other
// modules, which are 100 MB.
func keepKernel(t *testing.T, unpacked string) {
	t.Helper()
	keep := filepath.Join(unpacked, "keep")
	if err := os.Mkdir(keep, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"boot", "lib/modules", "usr/lib/modules"} {
		folder = filepath.Join(unpacked, folder)
		if _, err := os.Stat(folder); err != nil {
			continue // older kernels have the first two, newer ones the last
		}
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			return keepFile(t, keep, path)
		})
		if err != nil {
			t.Fatal(err)
		}
		os.RemoveAll(folder)
	}
}

// keepFile moves a file to the folder keep if it is needed.
func keepFile(t *testing.T, keep, path string) error {
	base := filepath.Base(path)
	if strings.HasPrefix(base, "vmlinuz") {
		return os.Rename(path, filepath.Join(keep, "vmlinuz"))
	}
	name, _, module := strings.Cut(base, ".ko")
	if !module || !slices.Contains(driverNames, name) {
		return nil
	}
	if filepath.Ext(path) == ".xz" {
		command(t, "", "xz", "-d", path)
		path = strings.TrimSuffix(path, ".xz")
	}
	return os.Rename(path, filepath.Join(keep, name+".ko"))
}

// relocateHeaders makes the absolute paths in unpacked headers point below dir: an include of the
// common headers and, in newer headers, the folder of the build.
func relocateHeaders(t *testing.T, unpacked, dir string) {
	t.Helper()
	makefile := onlyMatch(t, filepath.Join(unpacked, "usr/src/linux-headers-*-amd64/Makefile"))
	text, err := os.ReadFile(makefile)
	if err != nil {
		t.Fatal(err)
	}
	moved := string(text)
	for _, before := range []string{"include ", "KBUILD_OUTPUT="} {
		moved = strings.ReplaceAll(moved, before+"/usr/src/", before+dir+"/usr/src/")
	}
	if err := os.WriteFile(makefile, []byte(moved), 0o644); err != nil {
		t.Fatal(err)
	}
}

// newerLibraries has the libraries with which a newer release's build tools are linked. These
// tools are started with that release's dynamic linker. (Its compiler is not needed: see
// Kernel.Make.)
var newerLibraries = []string{"libc6", "libelf1t64", "zlib1g", "libzstd1"}

// relocateTools makes the programs of an unpacked linux-kbuild use the libraries that were
// unpacked with it, if any. Debian names the programs that need them NAME.real-ARCHITECTURE.
func relocateTools(t *testing.T, unpacked, dir string) {
	t.Helper()
	libraries := filepath.Join(dir, "usr/lib/x86_64-linux-gnu")
	if _, err := os.Stat(filepath.Join(unpacked, "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2")); err != nil {
		return
	}
	tools, _ := filepath.Glob(filepath.Join(unpacked, "usr/lib/linux-kbuild-*/*/*/*.real-*"))
	for _, tool := range tools {
		if err := os.Rename(tool, tool+".elf"); err != nil {
			t.Fatal(err)
		}
		script := fmt.Sprintf("#!/bin/sh\nexec %s/ld-linux-x86-64.so.2 --library-path %s %s.elf \"$@\"\n",
			libraries, libraries, strings.Replace(tool, unpacked, dir, 1))
		if err := os.WriteFile(tool, []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}
