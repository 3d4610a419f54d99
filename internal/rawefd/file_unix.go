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

// polled is set once the runtime's poller is known to run.
var polled atomic.Bool

// newFile makes num a file of Go's runtime poller, or closes it.
//
// The caller has called StartPolling before it opened num. Here it does nothing more, or
// else has the last word.
func newFile(num int, name string) (*os.File, error) {
	if err := StartPolling(); err != nil {
		syscall.Close(num)
		return nil, err
	}
	return os.NewFile(uintptr(num), name), nil
}

// StartPolling starts the poller of Go's runtime, if it does not run.
//
// The first file that it polls has the runtime open descriptors of its own, and the runtime
// ends the process if there is no room for them. A library must not do that to a program
// which is merely out of descriptors or watches, so look for room first, once. Nothing says
// whether the poller runs already, for which no room is needed. Therefore ask
// before the descriptor is opened that is to be polled: what was free for the room is then
// free for it.
func StartPolling() (err error) {
	if !polled.Load() {
		Elsewhere(func() { err = startPolling() })
	}
	return err
}

// startPolling has the first timer start the poller.
func startPolling() error {
	if err := roomForRuntime(); err != nil {
		return err
	}
	time.AfterFunc(math.MaxInt64, func() {}).Stop()
	polled.Store(true)
	return nil
}

// newPolledFile is newFile for a descriptor that is of no use unless the runtime
// polls it, which os.NewFile does not say.
func newPolledFile(num int, name string) (*os.File, error) {
	file, err := newFile(num, name)
	if err != nil {
		return nil, err
	}
	if err := file.SetReadDeadline(time.Time{}); err != nil {
		file.Close()
		return nil, fmt.Errorf("the runtime cannot poll the %s: %w", name, err)
	}
	return file, nil
}
