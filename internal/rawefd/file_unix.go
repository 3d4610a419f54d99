//go:build unix

package rawefd

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// runtimeNeeds is the number of descriptors of the runtime's own poller: an epoll
// instance and an eventfd, or a kqueue and a pipe.
const runtimeNeeds = 3

// newFile makes num a file of Go's runtime poller, or closes it.
//
// The first such file of a process has the runtime open its own descriptors, and
// the runtime ends the process if there is no room for them. A library must not do
// that to a program which is merely out of descriptors, so look for room first.
func newFile(num int, name string) (*os.File, error) {
	var room [runtimeNeeds]int
	for i := range room {
		spare, err := unix.FcntlInt(uintptr(num), duplicate, 0)
		if err != nil {
			closeAll(room[:i])
			syscall.Close(num)
			return nil, os.NewSyscallError("fcntl", err)
		}
		room[i] = spare
	}
	closeAll(room[:])
	return os.NewFile(uintptr(num), name), nil
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

func closeAll(nums []int) {
	for _, num := range nums {
		syscall.Close(num)
	}
}
