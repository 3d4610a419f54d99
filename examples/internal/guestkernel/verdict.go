//go:build linux

package guestkernel

import (
	"fmt"
	"strings"
	"testing"
)

// These are QEMU's exit statuses if the guest has reported its result; see
// init/exit_linux_amd64.go.
const (
	statusGood = 2*0x10 + 1
	statusBad  = 2*0x11 + 1
)

// A Verdict is the result of a guest: QEMU's exit status and the guest's console.
type Verdict struct {
	Status  int
	Console string
}

// result returns the text of the guest's RESULT line, or "" if the guest did not get that far.
func (v Verdict) result() string {
	_, result, _ := strings.Cut("\n"+v.Console, "\nRESULT ")
	result, _, _ = strings.Cut(result, "\n")
	return result
}

// says reports whether a line of the console begins with begin.
func (v Verdict) says(begin string) bool { return strings.Contains("\n"+v.Console, "\n"+begin) }

// MustPass fails the test unless the guest has passed, and has run the checks of those names.
func (v Verdict) MustPass(t *testing.T, checks ...string) {
	t.Helper()
	if err := v.passed(checks); err != nil {
		t.Fatalf("%v; console:\n%s", err, v.Console)
	}
	t.Log(v.Console)
}

// MustFail fails the test unless the guest has failed, by each of the checks of those names.
func (v Verdict) MustFail(t *testing.T, checks ...string) {
	t.Helper()
	if err := v.failed(checks); err != nil {
		t.Fatalf("%v; console:\n%s", err, v.Console)
	}
	t.Log(v.Console)
}

// passed checks both the status and RESULT, because a kernel that panics ends the machine with
// status 0.
func (v Verdict) passed(checks []string) error {
	if v.Status != statusGood || v.result() != "ok" {
		return fmt.Errorf("status %d, want %d; result %q, want ok", v.Status, statusGood, v.result())
	}
	for _, name := range checks {
		if !v.says("ok " + name + " ") {
			return fmt.Errorf("check %s was not run", name)
		}
	}
	return nil
}

func (v Verdict) failed(checks []string) error {
	if v.Status != statusBad || !strings.HasPrefix(v.result(), "FAIL") {
		return fmt.Errorf("status %d, want %d; result %q, want FAIL", v.Status, statusBad, v.result())
	}
	for _, name := range checks {
		if !v.says("FAIL " + name + ":") {
			return fmt.Errorf("check %s did not fail", name)
		}
	}
	return nil
}
