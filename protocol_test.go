//go:build linux

package eventchan_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/eventchan/eventchan/internal/hammer"
	"github.com/eventchan/eventchan/internal/mode"
)

// The protocol that C threads and Go speak through a shared word, checked in every
// order in which its steps can happen: see docs/protocol.md.

// checks are scenarios of the model, and for each the mutants in which something
// must be found to go wrong.
var checks = []struct{ scenario, mutants string }{
	{large, ""},
	{large + " PERMITS", ""},
	{"CLOSING", "NO_GATE WAITING_CLOSE READ_UNLOCKED LOAD_STORE"},
	{"HANDLE", "FORGET_SLEEPERS LOAD_STORE"},
	{"FD", "NO_LOOK"},
	{"SLEEP", "NO_LOOK IDLE_CLEAR LATE_CLEAR READ_LATE ONE_PARK"},
	{"FULLNESS", "STEAL"},
	{"DEAD", "NO_UNDO"},
}

// large is the scenario with the most states by far. Outside CI small has to do.
const (
	large = "CROWD"
	small = "SLEEP"
)

// TestProtocolModel has spin look for a wake-up that is lost, a count that is lost
// or received twice, a doorbell that is used after it was closed, and anybody who
// waits for somebody who need not come.
func TestProtocolModel(t *testing.T) {
	if !mode.Is(mode.All[0]) {
		return // the model is the same in all modes
	}
	for _, tool := range []string{"spin", "gcc"} {
		if _, err := exec.LookPath(tool); err != nil {
			lacks(t, "the model in docs/protocol.pml needs %s: %v", tool, err)
		}
	}
	model, err := os.ReadFile("docs/protocol.pml")
	if err != nil {
		t.Fatal(err)
	}
	cores := make(chan struct{}, min(runtime.NumCPU(), 4)) // a checker may take 200 MB
	check := func(name, defines string, ok bool) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cores <- struct{}{}
			defer func() { <-cores }()
			wantChecked(t, model, strings.Fields(defines), ok)
		})
	}
	for _, c := range checks {
		if !hammer.InCI() && c.scenario != small {
			continue
		}
		check(c.scenario, c.scenario, true)
		for _, mutant := range strings.Fields(c.mutants) {
			check(c.scenario+" but "+mutant, c.scenario+" "+mutant, false)
		}
	}
}

// complaint is what the checker says when it has not looked at everything.
var complaint = regexp.MustCompile(`search depth too small|Search not completed|out of memory|MEMLIM`)

// wantChecked fails the test unless the checker finds that the model is right, or
// that it is not.
func wantChecked(t *testing.T, model []byte, defines []string, ok bool) {
	t.Helper()
	dir := t.TempDir() // spin writes beside the model
	if err := os.WriteFile(filepath.Join(dir, "protocol.pml"), model, 0o600); err != nil {
		t.Fatal(err)
	}
	spin := []string{"-a"}
	for _, name := range defines {
		spin = append(spin, "-D"+name)
	}
	optimize := "-O0" // compiling takes longest
	if defines[0] == large {
		optimize = "-O1"
	}
	runTool(t, dir, "spin", append(spin, "protocol.pml")...)
	runTool(t, dir, "gcc", optimize, "-w", "-DSAFETY", "-DMEMLIM=1000", "-o", "pan", "pan.c")
	out := runTool(t, dir, "./pan", "-m10000", "-w20")
	_, err := os.Stat(filepath.Join(dir, "protocol.pml.trail"))
	found := err == nil
	switch {
	case !ok && (!found || !strings.Contains(out, "errors: 1")):
		t.Errorf("nothing was found to be wrong:\n%s", out)
	case ok && (found || !strings.Contains(out, "errors: 0") || complaint.MatchString(out)):
		t.Errorf("something was found, or not everything looked at; spin -t -p shows how:\n%s", out)
	}
}

// runTool runs a tool in dir and returns what it says.
func runTool(t *testing.T, dir, tool string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, tool, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", tool, args, err, out)
	}
	return string(out)
}
