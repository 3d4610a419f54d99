package rawefd

import (
	"os"

	"golang.org/x/sys/unix"
)

// roomForRuntime does what the runtime does when it starts its poller: it opens an
// epoll instance and an eventfd, and registers the eventfd with the epoll instance. It returns
// the error for which the runtime would end the process.
func roomForRuntime() error {
	epoll, err := epollCreate1()
	if err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	defer unix.Close(epoll)
	num, err := eventfd2(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return os.NewSyscallError("eventfd2", err)
	}
	defer unix.Close(num)
	return Epoll(epoll).Add(num, unix.EPOLLIN, 0)
}
