//go:build linux

package tests

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/mode"
)

// These tests check the protocol between C threads and Go in every order in which its steps can
// happen: see docs/protocol.md.

// A check is a scenario of a model, how its states are searched, and the mutants of it in which
// the checker must find an error.
type check struct {
	scenario, mutants string
	how               search
}

// checks has the checks of the wake-up, docs/protocol.pml.
var checks = []check{
	{"RESTART PATIENT", "WAIT_FIRST CLOSE_SILENT REUSED_SLOT", exhaustive},
	{"STOP PATIENT", "", bitstate},
	{"SLEEP FEW", "", bitstate},
	{"HANDLE PATIENT", "FORGET_SLEEPERS LOAD_STORE TABLE_LATE WAIT_FIRST", exhaustive},
	{"SLEEP PATIENT", "ANSWER_LATE STORE_SLEEP NO_LOOK ONE_PARK EDGE_FROM_ZERO", exhaustive},
	{"HOT PATIENT FEW", "COOL_LATE COOL_BLIND CLAIM_BLIND", exhaustive},
	{"STOP CLOSING PATIENT FEW", "", exhaustive},
	{small, "FIRST_WRITES QUIET_FIRST NO_EPOCH", exhaustive},
	{"CLOSING PATIENT FEW", "LOAD_STORE", exhaustive},
	{"SLEEP PATIENT FEW PERMITS", "", exhaustive},
	{"SLEEP PATIENT FEW FINE", "NEXT_STALE QUIET_STALE", exhaustive},
	{"SLEEP PATIENT FEW EDGE_FROM_ZERO READ", "READ_LATE", exhaustive},
	{"RESTART PATIENT FEW", "END_EARLY", exhaustive},
	{"RESTART PATIENT FEW EDGE_FROM_ZERO READ", "START_UNREAD START_READ", exhaustive},
	{"FD", "FLAGS_LAST", exhaustive},
	{"FD PATIENT", "", exhaustive},
	{"FULLNESS", "STEAL", exhaustive},
	{"DEAD", "NO_UNDO", exhaustive},
	{"SLEEP", "NO_RUNG SPLIT NEXT_LATE", mutantsOnly},
}

// queueChecks has the checks of the queue, docs/queue.pml.
var queueChecks = []check{
	{"TWO CLOSING PATIENT FEW", "", exhaustive},
	{"", "", exhaustive},
	{"MIXED PATIENT FEW", "", exhaustive},
	{"TWO PATIENT FEW", "", exhaustive},
	{"MIXED CLOSING PATIENT FEW SENDS=1", "", exhaustive},
	{"HANDLE MIXED PATIENT FEW", "", exhaustive},
	{"HANDLE CHANNEL CLOSING FEW", "", exhaustive},
	{"HANDLE CLOSING PATIENT FEW", "", exhaustive},
	{"HANDLE PATIENT FEW", "STALE_RING HANDLE_BLIND", exhaustive},
	{"HANDLER CLOSING PATIENT", "", exhaustive},
	{"CHANNEL CLOSING FEW", "PUMP_BLIND FREE_HELD", exhaustive},
	{"FEW", "RELAXED_WAKE SLEEP_BLIND", exhaustive},
	{smallQueue, "NO_DISOWN CLOSE_STORE EXCHANGE ZERO_STATE LINGER_BLIND", exhaustive},
	{"PATIENT", "STORE_SEQ PARK_STORE PARK_AT_TAIL HEAD_EARLY CLAIM_ADD", exhaustive},
	{"TWO FEW", "LEAVE_LOST", mutantsOnly},
}

// leadChecks has the checks of the goroutine at a post, docs/lead.pml.
var leadChecks = []check{
	{"", "NEED_LATE", bitstate},
	{"TIRED LETTERS=1", "", bitstate},
	{"ROBBED LETTERS=1", "", exhaustive},
	{"ROUSE ROBBED LETTERS=1", "RESLEEP_BLIND", exhaustive},
	{"ROUSE TIRED LETTERS=1", "", bitstate},
	{smallLead, "RESIGN_BLIND RESIGN_FIRST BUSY_LATE NO_NUDGE WAIT_FIRST", exhaustive},
}

// loneChecks has the checks of a waiter that waits alone, docs/lone.pml.
var loneChecks = []check{
	{"TIRED VISIT", "", exhaustive},
	{"TIRED SHARE", "", exhaustive},
	{"THREE TIRED SIGNALS=1", "", exhaustive},
	{smallLone, "HOLD_BLIND LEAVE_LOST", exhaustive},
	{"TIRED", "HOLD_FREE CLAIM_FREE OCCUPY_BLIND OCCUPY_TWICE", exhaustive},
}

// The scenarios that are checked outside CI, which have few states.
const (
	small      = "STOP PATIENT FEW"
	smallLead  = "LETTERS=1"
	smallLone  = "ONE TIRED"
	smallQueue = "CLOSING PATIENT FEW"
)

// A search is how the checker remembers the states that it has seen.
type search int

const (
	exhaustive  search = iota // it stores each state
	bitstate                  // it stores three bits of a hash of each state and can miss states
	mutantsOnly               // it checks only the mutants: the scenario has too many states
)

// In the model of the protocol, spin finds no wake-up that is lost, no count that is lost or
// received twice, no slot that is pushed twice, and no thread that waits for another
// thread's next step.
func TestProtocolModel(t *testing.T) {
	checkModel(t, "../docs/protocol.pml", checks, small, "-m4000000", "-w24")
}

// In the model of the queue, spin finds no value that is lost, received twice, overwritten or
// received although its sender was refused, and no consumer that sleeps although there is a value.
func TestQueueModel(t *testing.T) {
	checkModel(t, "../docs/queue.pml", queueChecks, smallQueue, "-m100000", "-w21")
}

// In the model of package lead, spin finds no sleeper that is left at an unmanned post, and
// never two goroutines at one post.
func TestLeadModel(t *testing.T) {
	checkModel(t, "../docs/lead.pml", leadChecks, smallLead, "-m1000000", "-w22")
}

// In the model of waiting alone, spin finds no signal that is lost or left beside a goroutine that
// waits, and never two goroutines that use one channel.
func TestLoneModel(t *testing.T) {
	checkModel(t, "../docs/lone.pml", loneChecks, smallLone, "-m1000000", "-w22")
}

// checkModel checks the model in a file: all checks in CI, and otherwise one scenario and two of its mutants.
// The options of the checker are its search depth and the size of its hash table.
func checkModel(t *testing.T, file string, checks []check, small string, options ...string) {
	t.Helper()
	if !mode.Is(mode.All[0]) {
		return // the model is the same in all modes
	}
	for _, tool := range []string{"spin", "gcc"} {
		if _, err := exec.LookPath(tool); err != nil {
			lacks(t, "the model in %s needs %s: %v", file, tool, err)
		}
	}
	model, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cores := make(chan struct{}, min(runtime.NumCPU(), 4)) // a checker can take 1 GB
	check := func(name, defines string, how search, ok bool) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cores <- struct{}{}
			defer func() { <-cores }()
			wantChecked(t, model, strings.Fields(defines), how, ok, options)
		})
	}
	for _, c := range checks {
		if !hammer.InCI() && c.scenario != small {
			continue
		}
		if c.how != mutantsOnly {
			check(cmp.Or(c.scenario, "plain"), c.scenario, c.how, true)
		}
		mutants := strings.Fields(c.mutants)
		if !hammer.InCI() {
			mutants = mutants[:min(2, len(mutants))]
		}
		for _, mutant := range mutants {
			check(c.scenario+" but "+mutant, c.scenario+" "+mutant, c.how, false)
		}
	}
}

// complaint matches what the checker prints if it has not searched everything.
var complaint = regexp.MustCompile(`search depth too small|Search not completed|out of memory|MEMLIM`)

// seen matches the number of states that the checker has seen.
var seen = regexp.MustCompile(`\d+ states, stored`)

// wantChecked fails the test if the checker finds an error in the model although ok is true, or
// finds none although ok is false.
func wantChecked(t *testing.T, model []byte, defines []string, how search, ok bool, run []string) {
	t.Helper()
	dir := t.TempDir() // spin writes beside the model
	if err := os.WriteFile(filepath.Join(dir, "model.pml"), model, 0o600); err != nil {
		t.Fatal(err)
	}
	spin := []string{"-a"}
	for _, name := range defines {
		spin = append(spin, "-D"+name)
	}
	compile := []string{"-O0", "-w", "-DSAFETY", "-DMEMLIM=2000", "-o", "pan", "pan.c"}
	if ok && hammer.InCI() { // otherwise optimizing takes longer than the search
		compile[0] = "-O2"
	}
	if how == bitstate {
		compile = append(compile, "-DBITSTATE")
		run = []string{"-m4000000", "-w26", "-k3"}
	} else {
		compile = append(compile, "-DCOLLAPSE")
	}
	runTool(t, dir, "spin", append(spin, "model.pml")...)
	runTool(t, dir, "gcc", compile...)
	out := runTool(t, dir, "./pan", run...)
	_, err := os.Stat(filepath.Join(dir, "model.pml.trail"))
	found := err == nil
	t.Log(seen.FindString(out))
	switch {
	case !ok && (!found || !strings.Contains(out, "errors: 1")):
		t.Errorf("no error was found:\n%s", out)
	case ok && (found || !strings.Contains(out, "errors: 0") || complaint.MatchString(out)):
		t.Errorf("an error was found, or not everything was searched; spin -t -p shows how:\n%s", out)
	}
}

// runTool runs a tool in dir and returns what it prints.
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
