// The test of this folder boots two stock kernels of Debian with the modules and the library in them; see README.md.
package main_test

import (
	"os"
	"testing"
)

// series are the kernels: the oldest that Debian 12 supports and its newest, on both sides of the change of
// eventfd_signal in 6.8. The value is the package that always depends on the newest headers of the series.
var series = map[string]string{
	"6.1":  "linux-headers-cloud-amd64",
	"6.12": "linux-headers-6.12-cloud-amd64",
}

// suites are the packages whose own tests run inside the guest as well.
var suites = []string{"notify", "semaphore", "bridge"}

// TestKernels runs every check of ./guest, and the library's own tests, on each kernel.
func TestKernels(t *testing.T) {
	skipUnlessAsked(t)
	needTools(t)
	leaveSystemAlone(t)
	programs, sh := buildPrograms(t, suites), shell(t)
	for name, k := range stockKernels(t, series) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			boot(t, k, "", programs, sh, buildModules(t, k)).mustPass(t, suites)
		})
	}
}

// TestMutantThatLosesOneSignalIsCaught boots a module that leaves out one of some hundred thousand signals. If the
// checks passed, they would prove nothing.
func TestMutantThatLosesOneSignalIsCaught(t *testing.T) {
	skipUnlessAsked(t)
	needTools(t)
	k := stockKernels(t, series)["6.12"]
	programs := buildPrograms(t, nil)
	boot(t, k, "FAILFAST=1", programs, buildModules(t, k, "LOSE_ONE=1")).mustFail(t, "sum-from-thread")
}

// skipUnlessAsked keeps a plain go test short and away from the network. Once asked, nothing is a reason to skip.
func skipUnlessAsked(t *testing.T) {
	t.Helper()
	if os.Getenv("EVENTCHAN_KMOD") != "1" {
		t.Skip("boots two kernels in QEMU: run with EVENTCHAN_KMOD=1 (and EVENTCHAN_INSTALL=1 as root to install QEMU)")
	}
	if testing.Short() {
		t.Skip("boots kernels in QEMU: not with -short")
	}
}
