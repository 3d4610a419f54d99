// Package hammer helps tests to provoke rare interleavings.
package hammer

import (
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/rawefd"
)

// InCI reports whether this is CI, which has time for everything. Elsewhere all
// tests together are to take less than a minute.
func InCI() bool { return os.Getenv("EVENTCHAN_CI") != "" }

// For calls round again and again in each of n goroutines until d has passed, or
// a quarter of it outside CI.
func For(d time.Duration, n int, round func()) {
	if !InCI() {
		d /= 4
	}
	var wg sync.WaitGroup
	deadline := time.Now().Add(d)
	for range n {
		wg.Go(func() {
			for time.Now().Before(deadline) {
				round()
				Yield()
			}
		})
	}
	wg.Wait()
}

// Rounds returns n, or a fiftieth of it but no fewer than 5 under -test.short. That is for
// slow systems such as gVisor, where a system call takes many microseconds.
func Rounds(n int) int {
	if testing.Short() {
		return min(n, max(n/50, 5))
	}
	return n
}

// uninterrupted is whether nothing interrupts a loop: on WebAssembly, and if that was
// asked for. It looks at the first Yield, and no earlier, so that "go test" keeps the answer
// with a cached result.
var uninterrupted = sync.OnceValue(func() bool {
	return runtime.GOARCH == "wasm" || strings.Contains(os.Getenv("GODEBUG"), "asyncpreemptoff=1")
})

// Yield lets other goroutines run where nothing interrupts a loop. A loop of a test that
// otherwise never blocks calls it, because it would never end there. Elsewhere Yield does
// nothing, so that the loop stays tight.
func Yield() {
	if uninterrupted() {
		runtime.Gosched()
	}
}

// Eventually waits until ok returns true. If it does not, the test fails with what.
func Eventually(t testing.TB, what func() string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal(what())
		}
	}
}

// Strangers opens and closes pipes and files until stop is called, so that the
// numbers of closed descriptors are at once those of something else, and fails
// the test if anybody else writes to one of them.
func Strangers(t *testing.T) (stop func()) {
	t.Helper()
	if !rawefd.HasEventfd {
		return func() {} // there are no descriptors that an unrelated write could reach
	}
	dir := t.TempDir()
	done := make(chan struct{})
	var wg sync.WaitGroup
	for _, round := range []func(){
		func() { strangePipe(t) },
		func() { strangeFile(t, dir) },
	} {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					round()
				}
			}
		})
	}
	return func() { close(done); wg.Wait() }
}

func strangePipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Error(err)
		return
	}
	defer r.Close()
	w.Close()
	var buf [8]byte
	if n, _ := r.Read(buf[:]); n != 0 {
		t.Errorf("a stranger's pipe got % x", buf[:n])
	}
}

func strangeFile(t *testing.T, dir string) {
	f, err := os.CreateTemp(dir, "stranger")
	if err != nil {
		t.Error(err)
		return
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Size() != 0 {
		t.Errorf("a stranger's file has %d bytes, error %v", info.Size(), err)
	}
}
