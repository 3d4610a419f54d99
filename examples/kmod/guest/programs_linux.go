package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/eventchan/eventchan/examples/internal/check"
)

// exampleProgram runs the example, examples/kmod.
func exampleProgram() error {
	_, err := run("/kmod")
	return err
}

// suites returns a check for each of the library's own test binaries in /suites.
func suites() (list []check.Check) {
	paths, _ := filepath.Glob("/suites/*.test")
	for _, path := range paths {
		name := "suite-" + strings.TrimSuffix(filepath.Base(path), ".test")
		list = append(list, check.Check{Name: name, Run: func() error { return suite(path) }})
	}
	return list
}

// suite runs one test binary, with -test.short because this machine is emulated. It returns an error if no test
// passed.
func suite(path string) error {
	output, err := run(path, "-test.v", "-test.short", "-test.timeout=100s")
	if err != nil {
		return err
	}
	passed, skipped := strings.Count(output, "\n--- PASS"), strings.Count(output, "\n--- SKIP")
	if passed == 0 || !strings.HasSuffix(output, "\nPASS\n") {
		return fmt.Errorf("%s: status 0 and %d tests passed\n%s", path, passed, output)
	}
	fmt.Printf("%s: %d passed, %d skipped\n", path, passed, skipped)
	for line := range strings.Lines(output) {
		if strings.HasPrefix(line, "--- SKIP") {
			fmt.Print(line)
		}
	}
	return nil
}

// stuck is how long a program can take.
const stuck = 2 * time.Minute

// run runs a program in /tmp. Its output is part of the error if it fails.
func run(path string, arguments ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), stuck)
	defer cancel()
	command := exec.CommandContext(ctx, path, arguments...)
	command.Dir = "/tmp"
	command.Env = append(os.Environ(), "EVENTCHAN_MODE=exported") // the mode in which the suites use the kernel
	output, err := command.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", path, err, output)
	}
	return string(output), err
}
