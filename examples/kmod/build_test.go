package main_test

import (
	"bytes"
	"compress/gzip"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/eventchan/eventchan/examples/kmod/internal/newc"
)

// files are what an image holds: the path in the guest, and where it is here.
type files map[string]string

const library = "github.com/eventchan/eventchan/"

// dependOnSources looks at the folders that the programs are built from. Go runs a test again, rather than repeat its
// last result, when a file that it looked at has changed; what go build reads below would not count.
func dependOnSources(t *testing.T, packages []string) {
	t.Helper()
	for _, name := range append([]string{"internal/rawefd", "internal/poller", "examples/kmod/guest"}, packages...) {
		if _, err := os.ReadDir(filepath.Join("../..", name)); err != nil {
			t.Fatal(err)
		}
	}
}

// buildPrograms builds the guest's /init, the example and the test binaries of some packages, all without cgo: the
// guest has no C library.
func buildPrograms(t *testing.T, suites []string) files {
	t.Helper()
	dependOnSources(t, suites)
	dir := t.TempDir()
	programs := files{"init": filepath.Join(dir, "init"), "kmod": filepath.Join(dir, "kmod")}
	goTool(t, "build", "-o", programs["init"], "./guest")
	goTool(t, "build", "-o", programs["kmod"], ".")
	for _, name := range suites {
		binary := filepath.Join(dir, name+".test")
		goTool(t, "test", "-c", "-o", binary, library+name)
		programs["suites/"+name+".test"] = binary
	}
	return programs
}

func goTool(t *testing.T, arguments ...string) {
	t.Helper()
	c := exec.Command("go", append(arguments[:1:1], append([]string{"-ldflags=-s -w"}, arguments[1:]...)...)...)
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOOS=linux", "GOARCH=amd64")
	runCommand(t, c, "")
}

// buildModules builds both modules in a copy, so that no object file is left among the sources, or comes from there.
func buildModules(t *testing.T, k kernel, variables ...string) files {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("module")); err != nil {
		t.Fatal(err)
	}
	command(t, dir, "make", append([]string{"clean", "all", "KDIR=" + k.headers, "KCFLAGS=-Werror"}, variables...)...)
	return files{
		"eventchan.ko":     filepath.Join(dir, "eventchan.ko"),
		"eventchan_pid.ko": filepath.Join(dir, "eventchan_pid.ko"),
	}
}

// image writes an initramfs with the files, and the folders that the guest mounts on.
func image(t *testing.T, contents ...files) string {
	t.Helper()
	var compressed bytes.Buffer
	zip, _ := gzip.NewWriterLevel(&compressed, gzip.BestSpeed)
	archive := newc.NewWriter(zip)
	for _, dir := range []string{"bin", "dev", "proc", "sys", "tmp", "suites"} {
		archive.Dir(dir)
	}
	for _, set := range contents {
		for _, name := range slices.Sorted(maps.Keys(set)) {
			data, err := os.ReadFile(set[name])
			if err != nil {
				t.Fatal(err)
			}
			archive.File(name, 0o755, data)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	zip.Close()
	path := filepath.Join(t.TempDir(), "initramfs.gz")
	if err := os.WriteFile(path, compressed.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
