//go:build linux

package guestkernel

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Files are the files of a guest's file system: paths in the guest, with the files' paths here.
type Files map[string]string

const library = "github.com/eventchan/eventchan/"

// Program builds a command of the library's module, as the file at path. It is built without
// cgo, because the guest has no C library.
func Program(t *testing.T, path, command string) Files {
	t.Helper()
	return built(t, path, command, "build")
}

// TestProgram builds the tests of a package in the same way.
func TestProgram(t *testing.T, path, name string) Files {
	t.Helper()
	return built(t, path, name, "test", "-c")
}

func built(t *testing.T, path, name string, how ...string) Files {
	t.Helper()
	dependOnSources(t, name)
	binary := filepath.Join(t.TempDir(), filepath.Base(path))
	goTool(t, append(how, "-buildvcs=false", "-ldflags=-s -w", "-o", binary, library+name)...)
	return Files{path: binary}
}

// dependOnSources reads the folders from which a program is built. The go command runs a test
// again, and does not reuse its cached result, if a file that the test has read has changed. Files
// that go build reads do not count.
func dependOnSources(t *testing.T, name string) {
	t.Helper()
	folders := goTool(t, "list", "-deps", "-f", "{{if not .Standard}}{{.Dir}}{{end}}", library+name)
	for _, folder := range strings.Fields(folders) {
		if _, err := os.ReadDir(folder); err != nil {
			t.Fatal(err)
		}
	}
}

func goTool(t *testing.T, arguments ...string) string {
	t.Helper()
	c := exec.Command("go", arguments...)
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOOS=linux", "GOARCH=amd64")
	return runCommand(t, c, "")
}

// Make builds the modules whose sources are in dir for a kernel. The newest kernel was built by
// another compiler, with an option that gcc-12 lacks. Without the option, functions are aligned
// less strictly, which is allowed for a module.
func (k Kernel) Make(t *testing.T, dir string, arguments ...string) {
	t.Helper()
	command(t, dir, "make", append(arguments, "KDIR="+k.headers, "CC=gcc-12", "CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT=")...)
}
