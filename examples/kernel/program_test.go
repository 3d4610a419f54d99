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

// lines maps the name of a signaler to the line that the program prints for it, as a regular
// expression.
type lines map[string]string

// shown is what the program prints if nothing is refused.
var shown = lines{
	"aio read": `aio read  1000 completions, the eventfd counted 1000, received \d+ times`,
	"aio poll": `aio poll  1000 completions, the eventfd counted 1000, received \d+ times`,
	"io_uring": `io_uring  1000 completions, the eventfd counted \d+ \(a hint\), received \d+ times`,
}

const (
	hidden    = `function not implemented \(not in this kernel, or hidden by a seccomp filter\)`
	forbidden = `operation not permitted \(forbidden by a seccomp filter or a security module\)`
)

// programs has runs of the program: the filter, the lines that differ from
// shown, and the exit status.
var programs = []struct {
	name   string
	deny   filter
	other  lines
	status int
}{
	{name: "nothing-refused"},
	{
		name:  "no-aio",
		deny:  filter{unix.SYS_IO_SETUP: unix.ENOSYS},
		other: lines{"aio read": `aio read  refused: io_setup: ` + hidden, "aio poll": `aio poll  refused: io_setup: ` + hidden},
	},
	{
		name:  "aio-forbidden",
		deny:  filter{unix.SYS_IO_SUBMIT: unix.EPERM},
		other: lines{"aio read": `aio read  refused: io_submit: ` + forbidden, "aio poll": `aio poll  refused: io_submit: ` + forbidden},
	},
	{
		name:  "no-io_uring",
		deny:  filter{unix.SYS_IO_URING_SETUP: unix.ENOSYS},
		other: lines{"io_uring": `io_uring  refused: io_uring_setup: ` + hidden},
	},
	{
		name:  "io_uring-forbidden",
		deny:  filter{unix.SYS_IO_URING_SETUP: unix.EPERM},
		other: lines{"io_uring": `io_uring  refused: io_uring_setup: ` + forbidden},
	},
	{
		name:  "eventfd-of-a-ring-forbidden",
		deny:  filter{unix.SYS_IO_URING_REGISTER: unix.EACCES},
		other: lines{"io_uring": `io_uring  refused: io_uring_register: permission denied \(.*\)`},
	},
	{
		name: "all-refused",
		deny: filter{unix.SYS_IO_SETUP: unix.EPERM, unix.SYS_IO_URING_SETUP: unix.ENOSYS},
		other: lines{
			"aio read": `aio read  refused: io_setup: ` + forbidden,
			"aio poll": `aio poll  refused: io_setup: ` + forbidden,
			"io_uring": `io_uring  refused: io_uring_setup: ` + hidden,
		},
	},

	// A kernel that reports success and does nothing must not pass.
	{
		name: "aio-without-events",
		deny: filter{unix.SYS_IO_GETEVENTS: 0},
		other: lines{
			"aio read": `kernel: aio read: the eventfd counted \d+, and the ring has 0 events`,
			"aio poll": `kernel: aio poll: the eventfd counted \d+, and the ring has 0 events`,
		},
		status: 1,
	},
	{
		name:   "io_uring-without-requests",
		deny:   filter{unix.SYS_IO_URING_ENTER: 0},
		other:  lines{"io_uring": `kernel: io_uring: io_uring_enter took no request`},
		status: 1,
	},
}

func TestProgram(t *testing.T) {
	for _, s := range signalers {
		if _, err := s.run(limit(t), 1); err != nil {
			skip(t, fmt.Sprintf("%s: %v", s.name, err))
		}
	}
	program := build(t)
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			c := exec.CommandContext(limit(t), program)
			if p.deny != nil {
				c = under(t, p.deny, program)
			}
			output, err := c.CombinedOutput()
			if c.ProcessState == nil {
				t.Fatal(err)
			}
			if got := c.ProcessState.ExitCode(); got != p.status {
				t.Errorf("status %d, want %d", got, p.status)
			}
			p.other.check(t, string(output))
		})
	}
}

// check checks that there is one line for each signaler: that of l, or otherwise that of shown.
func (l lines) check(t *testing.T, output string) {
	t.Helper()
	for _, s := range signalers {
		want, ok := l[s.name]
		if !ok {
			want = shown[s.name]
		}
		if !regexp.MustCompile(`(?m)^` + want + `$`).MatchString(output) {
			t.Errorf("no line is %s", want)
		}
	}
	if n := strings.Count(output, "\n"); n != len(signalers) || t.Failed() {
		t.Errorf("want %d lines, got:\n%s", len(signalers), output)
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
