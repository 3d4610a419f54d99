package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

const qemu = "qemu-system-x86_64"

// needTools fails where something is missing, and says what to do. Only QEMU may be installed here, by root, if asked.
func needTools(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Fatalf("needs linux/amd64 to build the modules, this is %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	for _, tool := range []string{"make", "gcc-12", "apt-get", "apt-cache", "dpkg"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("needs Debian with gcc-12 and make: %v", err)
		}
	}
	if _, err := exec.LookPath(qemu); err != nil {
		installQEMU(t)
	}
}

func installQEMU(t *testing.T) {
	t.Helper()
	const install = "apt-get install -y --no-install-recommends qemu-system-x86"
	if os.Getenv("EVENTCHAN_INSTALL") != "1" || os.Geteuid() != 0 {
		t.Fatalf("no %s: as root run %s, or this test with EVENTCHAN_INSTALL=1", qemu, install)
	}
	command(t, "", "apt-get", "update", "-qq")
	command(t, "", "env", append([]string{"DEBIAN_FRONTEND=noninteractive"}, strings.Fields(install)...)...)
}

// command runs a program in dir and returns what it printed. If it fails, so does the test, with all of its output.
func command(t *testing.T, dir, name string, arguments ...string) string {
	t.Helper()
	return runCommand(t, exec.Command(name, arguments...), dir)
}

func runCommand(t *testing.T, c *exec.Cmd, dir string) string {
	t.Helper()
	var printed, complaints strings.Builder
	c.Dir, c.Stdout, c.Stderr = dir, &printed, &complaints
	if err := c.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", c, err, printed.String(), complaints.String())
	}
	return printed.String()
}

// cacheDir is where kernels are kept from one run to the next. Delete it to have the newest ones.
func cacheDir(t *testing.T) string {
	t.Helper()
	base, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(base, "eventchan-kmod")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
