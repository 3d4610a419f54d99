package semaphore_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/eventchan/eventchan/internal/hammer"
	"github.com/eventchan/eventchan/internal/mode"
)

// shim takes the place of golang.org/x/sync/semaphore before its own tests.
const shim = `// Package semaphore is Weighted on top of eventchan's Semaphore.
package semaphore

import (
	"os"

	"github.com/eventchan/eventchan/semaphore"
)

type Weighted struct{ *semaphore.Semaphore }

func NewWeighted(n int64) *Weighted {
	s, err := semaphore.New(n)
	if err != nil {
		panic(err)
	}
	mode, entered := os.Getenv("EVENTCHAN_MODE"), true
	switch mode {
	case "exported":
		entered = s.FD() >= 0
	case "handle":
		entered = s.Handle() != nil
	}
	if !entered {
		panic("cannot enter the mode " + mode)
	}
	return &Weighted{s}
}
`

// TestXSyncsOwnTests runs the tests of golang.org/x/sync/semaphore, which this
// package is to replace, as they are in the module cache: main go.mod is not to
// require that module for it. cd bench && go mod download golang.org/x/sync gets it.
func TestXSyncsOwnTests(t *testing.T) {
	if !mode.Is("private") { // it does all modes
		return
	}
	xsync := newestXSync(t)
	dir := t.TempDir()
	copyFiles(t, filepath.Join(dir, "errgroup"), xsync, "errgroup/errgroup.go")
	copyFiles(t, filepath.Join(dir, "semaphore"), xsync, "semaphore/semaphore_test.go", "semaphore/semaphore_example_test.go")
	copyFiles(t, dir, "..", "go.sum")
	writeFile(t, filepath.Join(dir, "semaphore", "semaphore.go"), shim)
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "semaphore.test")
	for _, args := range [][]string{
		{"mod", "init", "golang.org/x/sync"},
		{"mod", "edit", "-require=github.com/eventchan/eventchan@v0.0.0", "-replace=github.com/eventchan/eventchan=" + root},
		{"test", "-c", "-o", binary, "./semaphore"},
	} {
		run(t, dir, "go", args...)
	}
	// Two tests want what comes of a Weighted's size, which a Semaphore does not
	// have. A Release without an Acquire makes a permit, as a producer does for a
	// consumer, so TestWeightedPanic sees no panic. And an Acquire of more than
	// there are may be served one day, so others wait behind it, which
	// TestWeightedDoesntBlockIfTooBig wants them not to.
	skip := "^TestWeightedPanic$|^TestWeightedDoesntBlockIfTooBig$"
	if !hammer.InCI() {
		skip += "|^TestWeighted$" // which sleeps for seconds
	}
	for _, mode := range mode.AllInCI() {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			out := run(t, dir, "env", "EVENTCHAN_MODE="+mode, "GOMAXPROCS=8", binary, "-test.v", "-test.timeout=1m", "-test.skip="+skip)
			if got := strings.Count(out, "--- PASS: "); got < 8 {
				t.Errorf("%d tests passed, want at least 8:\n%s", got, out)
			}
		})
	}
}

// newestXSync returns the folder of golang.org/x/sync in the module cache.
func newestXSync(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		lacks(t, "no go command: %v", err)
	}
	cache := strings.TrimSpace(run(t, "..", "go", "env", "GOMODCACHE"))
	folders, err := filepath.Glob(filepath.Join(cache, "golang.org", "x", "sync@v*", "semaphore"))
	if err != nil || len(folders) == 0 {
		lacks(t, "golang.org/x/sync is not in %s: %v", cache, err)
	}
	return filepath.Dir(slices.MaxFunc(folders, func(a, b string) int { return slices.Compare(version(a), version(b)) }))
}

// lacks skips a test for want of something, except in CI, which has everything.
func lacks(t *testing.T, format string, args ...any) {
	t.Helper()
	if hammer.InCI() {
		t.Fatalf("EVENTCHAN_CI allows no skip: "+format, args...)
	}
	t.Skipf(format, args...)
}

// version returns the numbers of a path like ".../sync@v0.24.0/semaphore".
func version(path string) (numbers []int) {
	_, v, _ := strings.Cut(path, "sync@v")
	v, _, _ = strings.Cut(v, string(filepath.Separator))
	for _, part := range strings.FieldsFunc(v, func(r rune) bool { return r == '.' || r == '-' }) {
		n, _ := strconv.Atoi(part)
		numbers = append(numbers, n)
	}
	return numbers
}

// copyFiles copies files of another folder into dir.
func copyFiles(t *testing.T, dir, from string, names ...string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, filepath.Base(name)), string(text))
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// run runs a command in dir, without network, and returns its output.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod -buildvcs=false", "GOPROXY=off", "GOWORK=off", "GOTOOLCHAIN=local", "PWD="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}
