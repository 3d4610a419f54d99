// Each example is built and run, and its output is checked, because the documentation
// promises that it works.
package examples_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// limit is generous, because a program that takes a second can share its CPU with many others.
const limit = 2 * time.Minute

// examples maps each program to the lines that it must print, as regular expressions.
var examples = map[string][]string{
	"tour": {
		`C thread  sent 1000, arrived 1000 in +\d+ receives: ok`,
		`kernel    sent    4, arrived    4 in +\d+ receives: ok`,
		`process   sent    5, arrived    5 in +\d+ receives: ok`,
		`permits   sent    2, arrived    2 in   2 receives: ok`,
		`timer     sent    5, arrived +\d+ in +\d+ receives: ok`,
		`Goroutines when the loop ended: \d`,
	},
	"callback":  {`1000 callbacks of a C thread arrived in \d+ receives`},
	"values":    {`1000, 1000 and 1000 readings of 749250 W arrived, and 0 were refused`},
	"eventloop": {`1000 clients got back 82182000 bytes from one goroutine`},
	"select":    {`40 jobs ordered, 40 done`},
	"workers":   {`3000 pieces of work in 3 processes, at most [123] at a time, 3 permits free at the end`},
	"watch": {
		`inotify: files \["one" "two" "three"\] were created`,
		`pressure: some thread waits for a CPU: Priority`,
	},
	"process": {
		`by number: descriptor \d+ of process \d+ brought 3`,
		`by message: the descriptor that was sent brought 4`,
	},
	"python": {`Python added 5000, which makes 5321`},
}

func TestExamplesSeeWhatTheyShould(t *testing.T) {
	needLinux(t)
	programs := build(t, nil)
	for name, lines := range examples {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hold(t, run(t, filepath.Join(programs, name)), lines)
		})
	}
}

// Without cgo, as on a machine without a C compiler, an example says what it leaves out.
func TestExamplesWithoutCgoSayWhatTheyLeaveOut(t *testing.T) {
	needLinux(t)
	programs := build(t, []string{"CGO_ENABLED=0"}, "tour", "callback", "values")
	for name, line := range map[string]string{
		"tour":     `C thread  left out: this program was built without cgo`,
		"callback": `left out: this example has a C library in it`,
		"values":   `left out: this example has a C library in it`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			output := run(t, filepath.Join(programs, name))
			if !regexp.MustCompile(line).MatchString(output) {
				t.Errorf("no line matches %q in:\n%s", line, output)
			}
		})
	}
}

// Each example is in the list above or has its own test, so that a new folder is not forgotten.
func TestExamplesAreAllTested(t *testing.T) {
	mains, err := filepath.Glob("*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	if len(mains) < len(examples) {
		t.Errorf("found %d examples, want at least %d", len(mains), len(examples))
	}
	for _, path := range mains {
		name := filepath.Dir(path)
		own, err := filepath.Glob(filepath.Join(name, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		if examples[name] == nil && own == nil {
			t.Errorf("example %s is not tested", name)
		}
	}
}

func needLinux(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("eventfd(2) is Linux only")
	}
}

// build builds the named examples, or all if none is named, and returns the folder with the
// programs. One go command builds all of them, because several would compile the same packages.
func build(t *testing.T, env []string, names ...string) (folder string) {
	t.Helper()
	if names == nil {
		for name := range examples {
			names = append(names, name)
		}
	}
	folder = t.TempDir()
	args := []string{"build", "-buildvcs=false", "-o", folder}
	if raceEnabled && !slices.Contains(env, "CGO_ENABLED=0") {
		args = append(args, "-race")
	}
	for _, name := range names {
		args = append(args, "./"+name)
	}
	command := exec.Command("go", args...)
	command.Env = append(os.Environ(), env...)
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, output)
	}
	return folder
}

// run runs a program, which must succeed, and returns its output.
func run(t *testing.T, program string) (output string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	command := exec.CommandContext(ctx, program)
	command.WaitDelay = time.Second // children of a killed program hold its output open
	text, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", errors.Join(err, ctx.Err()), text)
	}
	return string(text)
}

// hold checks that the output has the lines. If a line is missing but the program says
// that it left something out, the machine lacks something: hold then skips the test,
// or fails it in CI, where everything is installed. (With CGO_ENABLED=0 it is
// not the machine that lacks something.)
func hold(t *testing.T, output string, lines []string) {
	t.Helper()
	reason := regexp.MustCompile(`(?m)^.*left out: .*$`).FindAllString(output, -1)
	missing := 0
	for _, line := range lines {
		if !regexp.MustCompile(line).MatchString(output) {
			missing++
			t.Logf("no line matches %q", line)
		}
	}
	switch {
	case missing > len(reason):
		t.Errorf("%d lines are missing in:\n%s", missing, output)
	case missing > 0 && os.Getenv("EVENTCHAN_CI") == "1" && os.Getenv("CGO_ENABLED") != "0":
		t.Errorf("in CI nothing must be left out: %s", reason)
	case missing > 0:
		t.Skip("this machine lacks something: ", strings.Join(reason, "; "))
	}
}
