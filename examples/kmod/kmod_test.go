//go:build linux

// The test of this folder boots stock kernels of Debian with the modules and the library in them; see README.md.
package main_test

import (
	"slices"
	"testing"

	"github.com/eventchan/eventchan/examples/internal/guestkernel"
)

// suites has the packages whose own tests also run inside the guest.
var suites = []string{"notify", "semaphore", "bridge"}

// Every check of ./guest passes on each kernel, and so do the library's own tests.
func TestKernels(t *testing.T) {
	guestkernel.SkipUnlessAsked(t)
	guestkernel.LeaveSystemAlone(t)
	contents := append(programs(t, suites), guestkernel.Shell(t))
	names := []string{"modules-unload-with-nothing-held"}
	for _, name := range suites {
		names = append(names, "suite-"+name)
	}
	for name, k := range guestkernel.AllKernels(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := guestkernel.Machine{Kernel: k, CPUs: 2}
			m.Boot(t, slices.Concat(contents, []guestkernel.Files{modules(t, k)})...).MustPass(t, names...)
		})
	}
}

// The checks fail with a module that leaves out one of about a hundred thousand signals. If they passed, they
// would prove nothing.
func TestMutantThatLosesOneSignalIsCaught(t *testing.T) {
	guestkernel.SkipUnlessAsked(t)
	k := guestkernel.FindKernel(t, "6.12")
	m := guestkernel.Machine{Kernel: k, CPUs: 2, Parameters: "FAILFAST=1"}
	m.Boot(t, append(programs(t, nil), modules(t, k, "LOSE_ONE=1"))...).MustFail(t, "sum-from-thread")
}
