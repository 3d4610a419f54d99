//go:build linux

// The test of this folder runs the example in stock kernels of Debian, in machines that QEMU emulates with AMD's
// virtualization; see README.md.
package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/eventchan/eventchan/examples/internal/guestkernel"
)

// all returns the names of all checks.
func all() []string { return slices.Concat(counting, others) }

// counting has the checks that count signals.
var counting = []string{
	"ioeventfd-port", "ioeventfd-port-while-receiving", "ioeventfd-mmio", "ioeventfd-queues", "ioeventfd-permits", "irqfd-resample",
}

// others has the checks that the mutant can pass.
var others = []string{
	"ioeventfd-deassign", "ioeventfd-close", "ioeventfd-maximum", "irqfd-interrupts", "irqfd-count",
	"irqfd-before-a-goroutine", "irqfd-close", "irqfd-machines", "ioeventfd-refusals", "irqfd-refusals",
}

// boot runs the example in a machine. QEMU's emulation has AMD's virtualization but not Intel's.
func boot(t *testing.T, k guestkernel.Kernel, parameters string) guestkernel.Verdict {
	t.Helper()
	m := guestkernel.Machine{Kernel: k, Options: []string{"-cpu", "qemu64,+svm,+npt"}, Parameters: parameters}
	return m.Boot(t, guestkernel.Program(t, "program", "examples/kvm"), k.Drivers("irqbypass", "kvm", "ccp", "kvm-amd"))
}

func TestKernels(t *testing.T) {
	guestkernel.SkipUnlessAsked(t)
	t.Parallel()
	guestkernel.LeaveSystemAlone(t)
	for name, k := range guestkernel.AllKernels(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			boot(t, k, "").MustPass(t, all()...)
		})
	}
}

// Each check that counts fails if it gets one signal fewer. If one passed, it would prove nothing.
func TestMutantThatLosesOneSignalIsCaught(t *testing.T) {
	guestkernel.SkipUnlessAsked(t)
	t.Parallel()
	boot(t, guestkernel.FindKernel(t, "6.12"), "LOSE_ONE=1").MustFail(t, counting...)
}

// The example runs on this machine, or it says that /dev/kvm cannot be used and that is true.
func TestProgram(t *testing.T) {
	program := filepath.Join(t.TempDir(), "kvm")
	if output, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, output)
	}
	output, err := exec.CommandContext(t.Context(), program).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	t.Logf("%s", output)
	if reason, leftOut := strings.CutPrefix(string(output), "kvm  left out: "); leftOut {
		if device, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0); err == nil && !strings.Contains(reason, "KVM_CREATE_VM") {
			device.Close()
			t.Errorf("/dev/kvm can be opened here, and it says %s", reason)
		}
		return
	}
	for _, name := range all() {
		if !regexp.MustCompile(`(?m)^ok ` + name + ` `).Match(output) {
			t.Errorf("%s was not run", name)
		}
	}
}
