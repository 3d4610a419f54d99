// Command house checks what no compiler does: the words of comments and pages, links, the length of files, license lines,
// and the commands that pages show. "go run ./.ci/house" runs every check, "go run ./.ci/house words links" only these. It
// prints a line per finding, and exits with status 1 if there are any.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// A finding is something to mend.
type finding struct {
	path string
	line int
	text string
}

var checks = []struct {
	name string
	run  func(paths []string) []finding
}{
	{"words", checkWords},
	{"links", checkLinks},
	{"sizes", checkSizes},
	{"licenses", checkLicenses},
	{"commands", checkCommands},
}

func main() {
	if root := strings.TrimSpace(output("git", "rev-parse", "--show-toplevel")); os.Chdir(root) != nil {
		fatal("no folder " + root)
	}
	paths := strings.Split(strings.TrimSpace(output("git", "ls-files")), "\n")
	failed := false
	for _, check := range checks {
		if len(os.Args) > 1 && !slices.Contains(os.Args[1:], check.name) {
			continue
		}
		found := check.run(paths)
		for _, f := range found {
			fmt.Printf("%s:%d: %s\n", f.path, f.line, f.text)
		}
		fmt.Printf("%s: %d findings\n", check.name, len(found))
		failed = failed || len(found) > 0
	}
	if failed {
		os.Exit(1)
	}
}

// output runs a program that has to succeed.
func output(name string, arguments ...string) string {
	text, err := exec.Command(name, arguments...).Output()
	if err != nil {
		fatal(fmt.Sprint(name, " ", arguments, ": ", err))
	}
	return string(text)
}

func read(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		fatal(err.Error())
	}
	return string(text)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func fatal(reason string) {
	fmt.Fprintln(os.Stderr, "house:", reason)
	os.Exit(2)
}
