package rawefd

import (
	"os"

	"golang.org/x/sys/unix"
)

// runtimeNeeds is the number of descriptors of the runtime's own poller.
const runtimeNeeds = 2

// newFile makes num a file of Go's runtime poller, or closes it.
//
// The first such file of a process has the runtime open two descriptors, and the
// runtime ends the process if there is no room for them. A library must not do
// that to a program which is merely out of descriptors, so look for room first.
func newFile(num int, name string) (*os.File, error) {
	var room [runtimeNeeds]int
	for i := range room {
		spare, err := unix.FcntlInt(uintptr(num), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			closeAll(room[:i])
			CloseNumber(num)
			return nil, os.NewSyscallError("fcntl", err)
		}
		room[i] = spare
	}
	closeAll(room[:])
	return os.NewFile(uintptr(num), name), nil
}

func closeAll(nums []int) {
	for _, num := range nums {
		CloseNumber(num)
	}
}
