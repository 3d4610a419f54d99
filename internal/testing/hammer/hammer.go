// Package hammer helps tests provoke rare interleavings.
package hammer

import (
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/rawefd"
)

// InCI reports whether this is CI, which has time for everything. Elsewhere all
// tests together should take less than a minute.
func InCI() bool { return os.Getenv("EVENTCHAN_CI") != "" }

// For calls round again and again in each of n goroutines until d has passed, or
// outside CI until a sixteenth of d has passed.
func For(d time.Duration, n int, round func()) {
	if !InCI() {
		d /= 16
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

// Rounds returns n, or under -test.short a fiftieth of n, but at least 5. That is for
// slow systems such as gVisor, where a system call takes many microseconds.
func Rounds(n int) int {
	if testing.Short() {
		return min(n, max(n/50, 5))
	}
	return n
}

// Delay lets other goroutines run a random number of times, less than turns, so that what the caller does
// next comes at a random moment. It returns after a millisecond, because on one processor each of the
// others can run for 10 ms in each turn.
func Delay(turns int) {
	begin := time.Now()
	for range rand.IntN(turns) {
		if runtime.Gosched(); time.Since(begin) > time.Millisecond {
			return
		}
	}
}

// uninterrupted reports whether the scheduler cannot interrupt a loop: on WebAssembly, and if
// GODEBUG asks for that. It reads the environment in the first Yield, and not earlier, so that
// "go test" notices that a cached result depends on it.
var uninterrupted = sync.OnceValue(func() bool {
	return runtime.GOARCH == "wasm" || strings.Contains(os.Getenv("GODEBUG"), "asyncpreemptoff=1")
})

// Yield lets other goroutines run if the scheduler cannot interrupt a loop. The loop of a test
// that otherwise never blocks calls Yield, because it might never end without it. On other
// systems Yield does nothing, so that the loop stays tight.
func Yield() {
	if uninterrupted() {
		runtime.Gosched()
	}
}

// Pause lets other goroutines run, in a loop that polls. On a machine with one processor, the runtime looks
// for events of descriptors only every 10 ms while such a loop runs. There Pause therefore sleeps for an
// instant, which lets the runtime look.
func Pause() {
	if runtime.NumCPU() == 1 {
		time.Sleep(time.Microsecond)
	} else {
		runtime.Gosched()
	}
}

// Eventually waits until ok returns true. If that takes more than 30 s, the test fails with what.
func Eventually(t testing.TB, what func() string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); Pause() {
		if time.Now().After(deadline) {
			t.Fatal(what())
		}
	}
}

// ReuseNumbers opens and closes pipes and files until stop is called, so that the
// numbers of closed descriptors immediately refer to other files. It fails
// the test if anything is written to one of them.
func ReuseNumbers(t *testing.T) (stop func()) {
	t.Helper()
	if !rawefd.HasEventfd {
		return func() {} // there are no descriptors that an unrelated write could reach
	}
	dir := t.TempDir()
	done := make(chan struct{})
	var wg sync.WaitGroup
	for _, round := range []func(){
		func() { unrelatedPipe(t) },
		func() { unrelatedFile(t, dir) },
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

func unrelatedPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Error(err)
		return
	}
	defer r.Close()
	w.Close()
	var buf [8]byte
	if n, _ := r.Read(buf[:]); n != 0 {
		t.Errorf("an unrelated pipe got % x", buf[:n])
	}
}

func unrelatedFile(t *testing.T, dir string) {
	f, err := os.CreateTemp(dir, "unrelated")
	if err != nil {
		t.Error(err)
		return
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Size() != 0 {
		t.Errorf("an unrelated file has %d bytes, error %v", info.Size(), err)
	}
}
