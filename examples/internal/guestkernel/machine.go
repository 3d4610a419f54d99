//go:build linux

package guestkernel

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	qemu = "qemu-system-x86_64"

	// machineTime is much longer than a guest takes, even on a busy machine. Only a hung guest takes
	// that long.
	machineTime = 8 * time.Minute
)

// A Machine is a machine for QEMU to emulate.
type Machine struct {
	Kernel  Kernel
	CPUs    int      // 0 means 1
	Options []string // further options of QEMU
	// Parameters are further parameters of the kernel. A NAME=VALUE that the kernel does not know
	// becomes part of the environment of /program, and what comes after "--" its arguments.
	Parameters string
}

// Boot boots the machine with the files and waits until the guest, which runs /program, ends it.
func (m Machine) Boot(t *testing.T, contents ...Files) Verdict {
	t.Helper()
	log := filepath.Join(t.TempDir(), "console")
	initramfs := image(t, append(contents, Program(t, "init", "examples/internal/guestkernel/init"))...)
	ctx, cancel := context.WithTimeout(t.Context(), machineTime)
	defer cancel()
	c := exec.CommandContext(ctx, qemu, slices.Concat(m.processors(), m.Options, []string{
		"-m", "512", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-device", "isa-debug-exit,iobase=0xf4,iosize=1", "-serial", "file:" + log,
		"-kernel", filepath.Join(m.Kernel.dir, "keep/vmlinuz"), "-initrd", initramfs,
		"-append", "console=ttyS0 quiet panic=-1 oops=panic mitigations=off no_timer_check " + m.Parameters,
	})...)
	output, err := c.CombinedOutput()
	console, _ := os.ReadFile(log)
	if c.ProcessState == nil {
		t.Fatalf("%s: %v", c, err)
	}
	return Verdict{c.ProcessState.ExitCode(), strings.ReplaceAll(string(console), "\r", "") + string(output)}
}

// processors returns QEMU's options for emulation by software. If there are several processors, one
// thread emulates all of them: with a thread each, on a busy host, a kernel that patches its
// own code has met the breakpoint of another processor. A single processor has its own thread,
// apart from that of the devices, because otherwise QEMU delivers some interrupts of a virtual
// machine inside the guest twice.
func (m Machine) processors() []string {
	threads := "multi"
	if m.CPUs > 1 {
		threads = "single"
	}
	return []string{"-accel", "tcg,thread=" + threads, "-smp", fmt.Sprint(max(m.CPUs, 1))}
}
