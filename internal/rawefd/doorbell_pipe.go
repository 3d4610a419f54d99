//go:build unix && (!linux || eventchan_pipe)

package rawefd

import (
	"os"
	"syscall"
)

// openDoorbell makes the doorbell a pipe, which each wake-up drains. On Linux the build tag
// eventchan_pipe selects this file, for tests.
func openDoorbell() (*Doorbell, error) {
	if err := StartPolling(); err != nil {
		return nil, err
	}
	var ends [2]int
	syscall.ForkLock.RLock()
	err := syscall.Pipe(ends[:])
	if err == nil {
		syscall.CloseOnExec(ends[0])
		syscall.CloseOnExec(ends[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, os.NewSyscallError("pipe", err)
	}
	for _, end := range ends {
		if err := syscall.SetNonblock(end, true); err != nil {
			syscall.Close(ends[0])
			syscall.Close(ends[1])
			return nil, os.NewSyscallError("fcntl", err)
		}
	}
	file, err := newPolledFile(ends[0], "eventchan doorbell")
	if err != nil {
		syscall.Close(ends[1])
		return nil, err
	}
	polled, err := NewPolled(file)
	if err != nil {
		syscall.Close(ends[1])
		return nil, err
	}
	owned.add(ends[1]) // so that nothing adopts it
	return &Doorbell{Polled: polled, number: ends[1], pipe: true, drains: true, reads: ends[0]}, nil
}
