package bridge_test

import (
	"fmt"
	"io"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
)

// A Watcher can be printed while other goroutines use it. Its text names the descriptor.
func TestStringNamesTheDescriptor(t *testing.T) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	w, err := bridge.Watch(fd, bridge.Readable)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(w), fmt.Sprintf("Watcher(descriptor %d)", fd); got != want {
		t.Errorf("printed as %q, want %q", got, want)
	}
	var all sync.WaitGroup
	all.Go(func() { w.Rearm() })
	all.Go(func() { fmt.Fprintf(io.Discard, "%+v", w) })
	all.Go(func() { w.Close() })
	all.Wait()
	if got, want := fmt.Sprint(w), "Watcher(closed)"; got != want {
		t.Errorf("printed as %q after Close, want %q", got, want)
	}
}
