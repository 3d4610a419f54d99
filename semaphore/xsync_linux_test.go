package semaphore_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/mode"
)

// shim takes the place of golang.org/x/sync/semaphore in the tests of the other modes.
const shim = `// Package semaphore is eventchan's Semaphore in another mode.
package semaphore

import (
	"os"

	"github.com/eventchan/eventchan/semaphore"
)

type Weighted = semaphore.Semaphore

func NewWeighted(n int64) *Weighted {
	s := semaphore.NewWeighted(n)
	if mode := os.Getenv("EVENTCHAN_MODE"); mode == "exported" && s.FD() < 0 || mode == "handle" && s.Handle() == nil {
		panic("cannot enter the mode " + mode)
	}
	return s
}
`

const (
	theirs = "golang.org/x/sync/semaphore"
	ours   = "github.com/eventchan/eventchan/semaphore"
)

// TestXSyncsOwnTests runs the tests, examples and benchmarks of golang.org/x/sync/semaphore,
// which this package replaces. Only their import path is changed, and all of them run. They are
// taken from the module cache, because the main go.mod must not require that module.
// "cd bench && go mod download golang.org/x/sync" gets it.
func TestXSyncsOwnTests(t *testing.T) {
	if !mode.Is("private") { // this run covers all modes
		return
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	t.Run("import", func(t *testing.T) {
		t.Parallel()
		dir := xsyncModule(t, root)
		for _, name := range xsyncTests {
			file := filepath.Join(dir, "semaphore", name)
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(text), theirs) {
				t.Fatalf("%s does not import %s", name, theirs)
			}
			writeFile(t, file, strings.ReplaceAll(string(text), theirs, ours))
		}
		runXSync(t, dir, "private", "-test.bench=.", "-test.benchtime=100x")
	})
	if !hammer.InCI() {
		return
	}
	for mode, skip := range map[string]string{
		"handle": "^$",
		// The size of an exported Semaphore has no effect: see NewWeighted.
		"exported": "^TestWeightedPanic$|^TestWeightedDoesntBlockIfTooBig$",
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			dir := xsyncModule(t, root)
			writeFile(t, filepath.Join(dir, "semaphore", "semaphore.go"), shim)
			runXSync(t, dir, mode, "-test.skip="+skip)
		})
	}
}

var xsyncTests = []string{"semaphore_test.go", "semaphore_example_test.go", "semaphore_bench_test.go"}

// xsyncModule returns the folder of a module that has the tests of x/sync.
func xsyncModule(t *testing.T, root string) (dir string) {
	t.Helper()
	xsync := newestXSync(t)
	dir = t.TempDir()
	copyFiles(t, filepath.Join(dir, "errgroup"), xsync, "errgroup/errgroup.go")
	for _, name := range xsyncTests {
		copyFiles(t, filepath.Join(dir, "semaphore"), filepath.Join(xsync, "semaphore"), name)
	}
	copyFiles(t, dir, "..", "go.sum")
	for _, args := range [][]string{
		{"mod", "init", "golang.org/x/sync"},
		{"mod", "edit", "-require=github.com/eventchan/eventchan@v0.0.0", "-replace=github.com/eventchan/eventchan=" + root},
	} {
		run(t, dir, "go", args...)
	}
	return dir
}

// runXSync runs the tests in a module of xsyncModule.
func runXSync(t *testing.T, dir, mode string, flags ...string) {
	t.Helper()
	binary := filepath.Join(dir, "semaphore.test")
	run(t, dir, "go", "test", "-c", "-o", binary, "./semaphore")
	args := append([]string{"EVENTCHAN_MODE=" + mode, "GOMAXPROCS=8", binary, "-test.v", "-test.timeout=1m"}, flags...)
	out := run(t, dir, "env", args...)
	for _, want := range []string{"TestWeighted", "TestWeightedAcquireCanceled", "TestLargeAcquireDoesntStarve", "Example_workerPool"} {
		if !strings.Contains(out, "--- PASS: "+want+" ") {
			t.Errorf("%s did not pass:\n%s", want, out)
		}
	}
	if strings.Contains(out, "--- SKIP") {
		t.Errorf("a test was skipped:\n%s", out)
	}
}

// newestXSync returns the folder of the newest golang.org/x/sync in the module cache.
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

// lacks skips a test because the machine lacks something. In CI it fails the test instead.
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
