package main_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	// machineTime is far above what a guest needs, also on a busy machine: only a hung one takes that long.
	machineTime = 4 * time.Minute

	// What QEMU ends with when the guest says how it went; see end in guest/machine_linux.go.
	statusGood = 2*0x10 + 1
	statusBad  = 2*0x11 + 1
)

// A verdict is what a guest left behind.
type verdict struct {
	status int
	log    string // its console
}

// boot runs a kernel with the files as its initramfs until the guest ends the machine. A parameter NAME=VALUE becomes
// part of the guest's environment. It uses no KVM: a
// machine without it must be able to run the test, and software emulation takes seconds. One thread emulates both
// processors: with a thread each, on a busy host, a kernel that patches its own code has met the breakpoint of the other.
func boot(t *testing.T, k kernel, parameter string, contents ...files) verdict {
	t.Helper()
	log := filepath.Join(t.TempDir(), "console")
	ctx, cancel := context.WithTimeout(t.Context(), machineTime)
	defer cancel()
	c := exec.CommandContext(ctx, qemu, "-accel", "tcg,thread=single", "-m", "512", "-smp", "2",
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-device", "isa-debug-exit,iobase=0xf4,iosize=1", "-serial", "file:"+log,
		"-kernel", k.image, "-initrd", image(t, contents...),
		"-append", "console=ttyS0 quiet panic=-1 oops=panic mitigations=off no_timer_check "+parameter)
	output, err := c.CombinedOutput()
	console, _ := os.ReadFile(log)
	if c.ProcessState == nil {
		t.Fatalf("%s: %v", c, err)
	}
	return verdict{c.ProcessState.ExitCode(), strings.ReplaceAll(string(console), "\r", "") + string(output)}
}

// result is the guest's last word: its RESULT line, or nothing if it did not get that far.
func (v verdict) result() string {
	_, result, _ := strings.Cut(v.log, "\nRESULT ")
	result, _, _ = strings.Cut(result, "\n")
	return result
}

// mustPass wants both, status and RESULT, and that the suites were run.
func (v verdict) mustPass(t *testing.T, suites []string) {
	t.Helper()
	if v.status != statusGood || !strings.HasPrefix(v.result(), "ok ") {
		t.Fatalf("status %d, want %d; result %q; console:\n%s", v.status, statusGood, v.result(), v.log)
	}
	for _, name := range suites {
		if !strings.Contains(v.log, "\nok suite-"+name+" ") {
			t.Errorf("the tests of %s were not run; console:\n%s", name, v.log)
		}
	}
	t.Logf("%s\n%s", v.result(), v.log)
}

// mustFail wants the guest to have noticed by the check of that name.
func (v verdict) mustFail(t *testing.T, check string) {
	t.Helper()
	if v.status != statusBad || !strings.HasPrefix(v.result(), "FAIL ") || !strings.Contains(v.log, "\nFAIL "+check+":") {
		t.Fatalf("status %d, want %d, and FAIL %s; console:\n%s", v.status, statusBad, check, v.log)
	}
	t.Logf("%s\n%s", v.result(), v.log)
}
