//go:build linux

package libraries

import (
	"os/exec"
	"testing"
)

func TestNNG(t *testing.T) {
	needHeader(t, "nng/nng.h", "libnng-dev")
	run(t, []string{build(t, "nng")}, "20000 requests answered")
}

// needHeader skips the test unless the C compiler finds the header, which the Debian
// package has. It is for a library that pkg-config does not know.
func needHeader(t *testing.T, header, debian string) {
	t.Helper()
	needPrograms(t, "gcc", "gcc")
	if output, err := exec.Command("gcc", "-E", "-include", header, "-x", "c", "/dev/null").CombinedOutput(); err != nil {
		skip(t, "apt-get install %s: %s", debian, output)
	}
}
