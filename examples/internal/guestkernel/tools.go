//go:build linux

package guestkernel

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// needTools fails the test if a tool is missing, and says what to do. It installs only QEMU, as
// root, and only if asked.
func needTools(t *testing.T) {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		t.Fatalf("needs linux/amd64 to build modules, this is linux/%s", runtime.GOARCH)
	}
	for _, tool := range []string{"make", "gcc-12", "apt-get", "apt-cache", "dpkg", "xz"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("needs Debian 12 with gcc-12, make and xz-utils: %v", err)
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

// command runs a program in dir and returns its standard output. If the program fails, the test fails
// with all of its output.
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
