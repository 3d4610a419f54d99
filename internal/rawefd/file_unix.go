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
// The first such file of a process has the runtime open descriptors of its own,
// and the runtime ends the process if there is no room for them. A library must not
// do that to a program which is merely out of descriptors or watches, so look for
// room first.
func newFile(num int, name string) (*os.File, error) {
	if !polled.Load() {
		var err error
		Elsewhere(func() { err = startPolling() })
		if err != nil {
			syscall.Close(num)
			return nil, err
		}
	}
	return os.NewFile(uintptr(num), name), nil
}

// startPolling starts the runtime's poller, if it does not run. The first timer does
// that.
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
