//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What the program prints where nothing is refused.
var shown = map[string]string{
	"aio read": `aio read  1000 completions, the eventfd counted 1000, received \d+ times`,
	"aio poll": `aio poll  1000 completions, the eventfd counted 1000, received \d+ times`,
	"io_uring": `io_uring  1000 completions, the eventfd counted \d+ \(a hint\), received \d+ times`,
}

func TestProgram(t *testing.T) {
	program := build(t)
	needAll(t)
	expect(t, exec.CommandContext(limit(t), program), 0, shown)
}

func TestProgramSaysWhatIsRefused(t *testing.T) {
	program := build(t)
	needAll(t)
	hidden := `function not implemented \(not in this kernel, or hidden by a seccomp filter\)`
	forbidden := `operation not permitted \(forbidden by a seccomp filter or a security module\)`
	for name, c := range map[string]struct {
		deny filter
		want map[string]string // of shown, what is otherwise
	}{
		"no-aio": {filter{unix.SYS_IO_SETUP: unix.ENOSYS},
			map[string]string{"aio read": `aio read  refused: io_setup: ` + hidden, "aio poll": `aio poll  refused: io_setup: ` + hidden}},
		"no-aio-allowed": {filter{unix.SYS_IO_SUBMIT: unix.EPERM},
			map[string]string{"aio read": `aio read  refused: io_submit: ` + forbidden, "aio poll": `aio poll  refused: io_submit: ` + forbidden}},
		"no-io_uring": {filter{unix.SYS_IO_URING_SETUP: unix.ENOSYS},
			map[string]string{"io_uring": `io_uring  refused: io_uring_setup: ` + hidden}},
		"no-io_uring-allowed": {filter{unix.SYS_IO_URING_SETUP: unix.EPERM},
			map[string]string{"io_uring": `io_uring  refused: io_uring_setup: ` + forbidden}},
		"no-eventfd-of-a-ring-allowed": {filter{unix.SYS_IO_URING_REGISTER: unix.EACCES},
			map[string]string{"io_uring": `io_uring  refused: io_uring_register: permission denied \(.*\)`}},
		"nothing": {filter{unix.SYS_IO_SETUP: unix.EPERM, unix.SYS_IO_URING_SETUP: unix.ENOSYS},
			map[string]string{"aio read": `aio read  refused: io_setup: ` + forbidden, "aio poll": `aio poll  refused: io_setup: ` + forbidden,
				"io_uring": `io_uring  refused: io_uring_setup: ` + hidden}},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, under(t, c.deny, program), 0, c.want)
		})
	}
}

// A kernel that says yes and does nothing (a filter with errno 0) must not pass.
func TestProgramFailsIfACountIsOff(t *testing.T) {
	program := build(t)
	needAll(t)
	for name, c := range map[string]struct {
		deny filter
		want map[string]string
	}{
		"no-events": {filter{unix.SYS_IO_GETEVENTS: 0},
			map[string]string{"aio read": `kernel: aio read: the eventfd counted \d+, and the ring has 0 events`,
				"aio poll": `kernel: aio poll: the eventfd counted \d+, and the ring has 0 events`}},
		"no-requests": {filter{unix.SYS_IO_URING_ENTER: 0},
			map[string]string{"io_uring": `kernel: io_uring: io_uring_enter took no request`}},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, under(t, c.deny, program), 1, c.want)
		})
	}
}

// expect runs a command and compares its status, and its output with the lines of
// shown, those in place of them that otherwise has.
func expect(t *testing.T, c *exec.Cmd, status int, otherwise map[string]string) {
	t.Helper()
	output, err := c.CombinedOutput()
	if c.ProcessState == nil {
		t.Fatal(err)
	}
	if got := c.ProcessState.ExitCode(); got != status {
		t.Errorf("status %d, want %d", got, status)
	}
	for _, s := range signallers {
		want, ok := otherwise[s.name]
		if !ok {
			want = shown[s.name]
		}
		if !regexp.MustCompile(`(?m)^` + want + `$`).Match(output) {
			t.Errorf("no line matches %s", want)
		}
	}
	if lines := strings.Count(string(output), "\n"); lines != len(signallers) || t.Failed() {
		t.Errorf("want %d lines, got:\n%s", len(signallers), output)
	}
}

func build(t *testing.T) (program string) {
	t.Helper()
	program = filepath.Join(t.TempDir(), "kernel")
	c := exec.Command("go", "build", "-o", program, ".")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", c, err, output)
	}
	return program
}

// needAll skips a test where the kernel refuses more than the test wants it to.
func needAll(t *testing.T) {
	t.Helper()
	for _, s := range signallers {
		if _, err := s.run(limit(t), 1); err != nil {
			skip(t, fmt.Sprintf("%s: %v", s.name, err))
		}
	}
}
