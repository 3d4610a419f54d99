//go:build linux

package guestkernel

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// write writes an executable file below dir.
func write(t *testing.T, dir, path, text string) string {
	t.Helper()
	path = filepath.Join(dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// Headers point below their folder: to the common headers, and to the folder of the build, which
// only newer headers name.
func TestHeadersPointBelowTheirFolder(t *testing.T) {
	unpacked := t.TempDir()
	makefile := write(t, unpacked, "usr/src/linux-headers-9.9-amd64/Makefile",
		"KBUILD_OUTPUT=/usr/src/linux-headers-9.9-amd64\ninclude /usr/src/linux-headers-9.9-common/Makefile\n")
	relocateHeaders(t, unpacked, "/cache/9.9")
	const want = "KBUILD_OUTPUT=/cache/9.9/usr/src/linux-headers-9.9-amd64\n" +
		"include /cache/9.9/usr/src/linux-headers-9.9-common/Makefile\n"
	if got, err := os.ReadFile(makefile); string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

// A tool is started with the dynamic linker that was unpacked with it, which is here a script that
// prints its arguments.
func TestToolsUseTheLibrariesBesideThem(t *testing.T) {
	dir := t.TempDir()
	const tool = "usr/lib/linux-kbuild-9.9/scripts/mod/modpost.real-lsb-64"
	path := write(t, dir, tool, "ELF")
	relocateTools(t, dir, dir)
	if text, err := os.ReadFile(path); string(text) != "ELF" {
		t.Errorf("without libraries the tool became %q, %v", text, err)
	}
	linker := write(t, dir, "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", "#!/bin/sh\necho \"$@\"\n")
	relocateTools(t, dir, dir)
	got, err := exec.Command(path, "one", "two").CombinedOutput()
	want := "--library-path " + filepath.Dir(linker) + " " + path + ".elf one two\n"
	if string(got) != want || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestKernelAndItsModulesAreKept(t *testing.T) {
	for what, paths := range map[string][]string{
		"older": {"boot/vmlinuz-9.9", "lib/modules/9.9/kernel/kvm.ko", "lib/modules/9.9/kernel/nfs.ko"},
		"newer": {"usr/lib/modules/9.9/vmlinuz", "usr/lib/modules/9.9/kernel/kvm.ko", "usr/lib/modules/9.9/kernel/nfs.ko"},
	} {
		unpacked := t.TempDir()
		for _, path := range paths {
			write(t, unpacked, path, filepath.Base(path))
		}
		keepKernel(t, unpacked)
		kept, err := filepath.Glob(filepath.Join(unpacked, "keep/*"))
		if err != nil || len(kept) != 2 || filepath.Base(kept[0]) != "kvm.ko" || filepath.Base(kept[1]) != "vmlinuz" {
			t.Errorf("%s: kept %q, want kvm.ko and vmlinuz", what, kept)
		}
		if _, err := os.Stat(filepath.Join(unpacked, filepath.Dir(paths[0]))); err == nil {
			t.Errorf("%s: the rest is still there", what)
		}
	}
}
