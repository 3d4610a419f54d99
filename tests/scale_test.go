//go:build linux

package tests

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/internal/testing/leaktest"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/internal/testing/rawio"
	"github.com/eventchan/eventchan/notify"
	"github.com/eventchan/eventchan/semaphore"
)

// many is how many objects wait together.
const many = 10_000

// A waitable is a Notifier, a Semaphore or a Watcher.
type waitable interface {
	wait(context.Context) error
	wake() error
	Close() error
}

type (
	waitingNotifier  struct{ *notify.Notifier }
	waitingSemaphore struct{ *semaphore.Semaphore }
	waitingWatcher   struct{ *watched }
)

// A watched is a Watcher and the eventfd that it watches.
type watched struct {
	*bridge.Watcher
	fd int
}

func (n waitingNotifier) wait(ctx context.Context) error  { _, err := n.Wait(ctx); return err }
func (n waitingNotifier) wake() error                     { return n.Notify() }
func (s waitingSemaphore) wait(ctx context.Context) error { return s.Acquire(ctx, 1) }
func (s waitingSemaphore) wake() error                    { s.Release(1); return nil }
func (w waitingWatcher) wait(ctx context.Context) error   { _, err := w.Wait(ctx); return err }
func (w waitingWatcher) wake() error                      { return rawio.Add(w.fd, 1) }

func makeNotifier(int) (waitable, error) {
	n, err := mode.Notifier()
	return waitingNotifier{n}, err
}

func makeSemaphore(int) (waitable, error) {
	s, err := mode.Semaphore(0)
	return waitingSemaphore{s}, err
}

func TestManyWaitingNotifiers(t *testing.T) {
	crowd(t, needed(many), servers(), makeNotifier)
}

func TestManyWaitingSemaphores(t *testing.T) {
	crowd(t, needed(many), servers(), makeSemaphore)
}

// needed returns how many descriptors that many Notifiers or Semaphores need.
func needed(many int) int {
	if mode.Is("exported") {
		return many
	}
	return 0
}

// servers returns how many goroutines serve Notifiers and Semaphores: that of the poller, or
// that of the doorbell.
func servers() int {
	if mode.Is("private") {
		return 0
	}
	return 1
}

// watcherServers is how many goroutines serve Watchers: one for edges and one for levels.
const watcherServers = 2

// Two Watchers share each descriptor.
func TestManyWaitingWatchers(t *testing.T) {
	needDescriptors(t, many/2)
	fds := make([]int, many/2)
	for i := range fds {
		fds[i] = eventfd(t, 0, unix.EFD_NONBLOCK)
	}
	crowd(t, 1, watcherServers, watcherMaker(fds))
}

// Objects of the three types wait side by side.
func TestManyOfAllWait(t *testing.T) {
	fds := make([]int, 100)
	for i := range fds {
		fds[i] = eventfd(t, 0, unix.EFD_NONBLOCK)
	}
	makers := []func(int) (waitable, error){makeNotifier, makeSemaphore, watcherMaker(fds)}
	crowd(t, 1+needed(many*2/3), watcherServers+servers(), func(i int) (waitable, error) { return makers[i%3](i) })
}

// watcherMaker returns a function that makes the Watcher of object i. Objects whose
// numbers are close share a descriptor, so that waking one half of the objects
// wakes none of the other half.
func watcherMaker(fds []int) func(i int) (waitable, error) {
	items := make([]watched, many)
	return func(i int) (w waitable, err error) {
		items[i].fd = fds[i*len(fds)/many]
		rawio.Take(items[i].fd) // takes what the round before has left
		items[i].Watcher, err = bridge.Watch(items[i].fd, bridge.Readable)
		return waitingWatcher{&items[i]}, err
	}
}

// crowd makes many objects wait, each with one goroutine, and compares threads,
// goroutines, heap and descriptors with those before. A smaller crowd is made
// first, for what the runtime allocates and keeps. servers is how many goroutines serve all
// objects.
func crowd(t *testing.T, descriptors, servers int, makeOne func(i int) (waitable, error)) {
	needDescriptors(t, descriptors)
	leaktest.Baseline() // waits for goroutines of other tests, which can end after Close
	stand(t, many/10, servers, makeOne)
	before := leaktest.Baseline()
	threads := status(t, "Threads")
	heap := stand(t, many, servers, makeOne)
	// The number of the runtime's threads does not depend only on what runs: it starts a thread
	// whenever all others happen to be in system calls, and keeps it. How many are at once depends
	// on how long a system call takes, but not on how many objects wait.
	if got, most := status(t, "Threads"), threads+many/100; got > most {
		t.Errorf("%d threads while %d waited, %d before: want at most %d", got, many, threads, most)
	}
	t.Logf("heap of one waiting object without its goroutine: %d bytes; threads: %d before, %d then",
		heap, threads, status(t, "Threads"))
	if heap > 600 {
		t.Errorf("heap of one waiting object: %d bytes, want at most 600", heap)
	}
	if err := leaktest.Check(before); err != nil {
		t.Error(err)
	}
}

// stand is one round of crowd. It returns the bytes of heap that an object costs.
func stand(t *testing.T, many, servers int, makeOne func(i int) (waitable, error)) int {
	t.Helper()
	allAsleep(t) // also the goroutine of finalizers, which counts while it runs one
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	goroutines := leaktest.Goroutines()
	objects := make([]waitable, many)
	gate := make(chan struct{})
	ended := make(chan error, many)
	for i := range objects {
		go func() {
			<-gate
			ended <- objects[i].wait(ctx)
		}()
	}
	allAsleep(t)
	before := heapInUse()
	for i := range objects {
		var err error
		if objects[i], err = makeOne(i); err != nil {
			t.Fatalf("object %d of %d: %v", i, many, err)
		}
	}
	close(gate)
	allAsleep(t)
	after := heapInUse()
	allAsleep(t) // also the goroutine of finalizers, which the collection has woken
	if got, want := leaktest.Goroutines()-goroutines, many+servers; got != want {
		t.Errorf("%d goroutines more while %d wait, want %d", got, many, want)
	}
	select {
	case err := <-ended:
		t.Fatalf("a Wait ended, with error %v, before anything happened", err)
	default:
	}
	disperse(t, objects, ended)
	eventually(t, "the goroutines ended", func() bool { return leaktest.Goroutines() <= goroutines })
	return int(after-before) / many
}

// disperse wakes half of the objects and then closes all.
func disperse(t *testing.T, objects []waitable, ended <-chan error) {
	t.Helper()
	half := len(objects) / 2
	for _, o := range objects[:half] {
		if err := o.wake(); err != nil {
			t.Fatal(err)
		}
	}
	for range half {
		if err, _ := receive(t, ended); err != nil {
			t.Fatalf("a Wait that was woken: %v", err)
		}
	}
	for _, o := range objects {
		if err := o.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	for range half {
		if err, _ := receive(t, ended); err != nil && !errors.Is(err, os.ErrClosed) {
			t.Fatalf("a Wait whose object was closed: got %v, want os.ErrClosed", err)
		}
	}
}

// needDescriptors skips the test unless the process can open n more descriptors.
func needDescriptors(t testing.TB, n int) {
	t.Helper()
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		t.Fatal(err)
	}
	if need := uint64(n + 100); lim.Cur < need {
		lim.Cur = min(need, lim.Max)
		unix.Setrlimit(unix.RLIMIT_NOFILE, &lim)
		if lim.Cur < need {
			lacks(t, "needs %d descriptors, and RLIMIT_NOFILE allows %d", need, lim.Max)
		}
	}
}

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC() // collects what finalizers and pools held
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// status returns a number in /proc/self/status.
func status(t testing.TB, name string) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		lacks(t, "no /proc/self/status: %v", err)
	}
	n, err := strconv.Atoi(field(text, name))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
