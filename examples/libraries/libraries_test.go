//go:build linux

// docs/libraries.md promises that the programs work. Each is built and run against the real
// library and its real server, and its output is checked.
package libraries

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// limit is generous, because the machine can be busy. grace is for processes that a
// program has started: they can keep the program's output open after its end.
const (
	limit = 3 * time.Minute
	grace = 10 * time.Second
)

// skip skips a test that this machine cannot run, or fails it in CI, where all must run.
func skip(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("EVENTCHAN_CI") == "1" {
		t.Fatalf("EVENTCHAN_CI=1, and this test cannot run: "+format, args...)
	}
	t.Skipf(format, args...)
}

// needLibrary skips the test unless pkg-config finds the library, which the Debian
// package has.
func needLibrary(t *testing.T, library, debian string) {
	t.Helper()
	if _, err := exec.LookPath("pkg-config"); err != nil {
		skip(t, "without pkg-config: %v", err)
	}
	if output, err := exec.Command("pkg-config", "--exists", "--print-errors", library).CombinedOutput(); err != nil {
		skip(t, "apt-get install %s: %s", debian, bytes.TrimSpace(output))
	}
}

// needPrograms skips the test unless all the programs, which the Debian package has,
// are there.
func needPrograms(t *testing.T, debian string, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			skip(t, "apt-get install %s: %v", debian, err)
		}
	}
}

// build builds the program of a folder and returns its path.
func build(t *testing.T, folder string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), folder)
	output, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, "./"+folder).CombinedOutput()
	if err != nil {
		t.Fatalf("go build ./%s: %v\n%s", folder, err, output)
	}
	return program
}

// run runs a program until it ends, and fails the test unless it ends with status 0
// and each of the lines, which are regular expressions, matches what it prints.
func run(t *testing.T, command []string, lines ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	program := exec.CommandContext(ctx, command[0], command[1:]...)
	program.WaitDelay = grace
	output, err := program.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, output)
	}
	wantLines(t, output, lines)
}

// wantLines fails the test unless each of the lines matches a line of the output.
func wantLines(t *testing.T, output []byte, lines []string) {
	t.Helper()
	for _, line := range lines {
		if !regexp.MustCompile(`(?m)^` + line + `$`).Match(output) {
			t.Errorf("no line matches %q in:\n%s", line, output)
		}
	}
}

// TestProgramsAreShort keeps the promise that a program has fewer than 80 lines of Go.
func TestProgramsAreShort(t *testing.T) {
	mains, err := filepath.Glob("*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range mains {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		goCode := regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAll(text, nil)
		if lines := bytes.Count(goCode, []byte("\n")); lines >= 80 {
			t.Errorf("%s has %d lines of Go, want fewer than 80", path, lines)
		}
	}
}
