//go:build unix

package rawefd

import (
	"fmt"
	"math"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// polled is set once it is known that the runtime's poller is running.
var polled atomic.Bool

// newFile makes num a file of Go's runtime poller, or closes it.
//
// The caller has called StartPolling before it opened num. Calling it here costs nothing then,
// and otherwise protects the process.
func newFile(num int, name string) (*os.File, error) {
	if err := StartPolling(); err != nil {
		syscall.Close(num)
		return nil, err
	}
	return os.NewFile(uintptr(num), name), nil
}

// StartPolling starts the poller of Go's runtime, unless it is running.
//
// The first polled file makes the runtime open descriptors of its own, and the runtime
// ends the process if it cannot open them. A library must not do that to a program
// that is merely out of descriptors or watches. StartPolling therefore checks first, once, that
// the descriptors can be opened. It cannot know whether the poller is already running, in
// which case no descriptors are needed. It is called before the descriptor to be polled is
// opened, so that the descriptors of the check are free again for that one.
func StartPolling() (err error) {
	if !polled.Load() {
		Elsewhere(func() { err = startPolling() })
	}
	return err
}

// startPolling creates a timer, which makes the runtime start its poller.
func startPolling() error {
	if err := roomForRuntime(); err != nil {
		return err
	}
	time.AfterFunc(math.MaxInt64, func() {}).Stop()
	polled.Store(true)
	return nil
}

// newPolledFile is newFile for a descriptor that the runtime must poll. os.NewFile does not
// report whether it does. The kernel can have refused one more registration, so newPolledFile
// asks it for the reason.
func newPolledFile(num int, name string) (*os.File, error) {
	file, err := newFile(num, name)
	if err != nil {
		return nil, err
	}
	if err := file.SetReadDeadline(time.Time{}); err != nil {
		if reason := pollRefusal(num); reason != nil {
			err = reason
		}
		file.Close()
		return nil, fmt.Errorf("runtime cannot poll the %s: %w", name, err)
	}
	return file, nil
}
