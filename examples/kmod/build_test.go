//go:build linux

package main_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/eventchan/eventchan/examples/internal/guestkernel"
)

// programs builds the guest's program, the example, and the tests of some packages.
func programs(t *testing.T, suites []string) []guestkernel.Files {
	t.Helper()
	built := []guestkernel.Files{
		guestkernel.Program(t, "program", "examples/kmod/guest"),
		guestkernel.Program(t, "kmod", "examples/kmod"),
	}
	for _, name := range suites {
		built = append(built, guestkernel.TestProgram(t, "suites/"+name+".test", name))
	}
	return built
}

// modules builds both modules in a copy of the sources, so that object files are neither left among the
// sources nor taken from there.
func modules(t *testing.T, k guestkernel.Kernel, variables ...string) guestkernel.Files {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("module")); err != nil {
		t.Fatal(err)
	}
	k.Make(t, dir, append([]string{"clean", "all", "KCFLAGS=-Werror"}, variables...)...)
	return guestkernel.Files{
		"eventchan.ko":     filepath.Join(dir, "eventchan.ko"),
		"eventchan_pid.ko": filepath.Join(dir, "eventchan_pid.ko"),
	}
}
