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

// pollRefusal returns the error with which the kernel refuses to register num with another epoll
// instance, or nil if it registers num. The runtime does not report the error of its own attempt,
// such as ENOSPC at the limit of watches.
func pollRefusal(num int) error {
	epoll, err := epollCreate1()
	if err != nil {
		return nil // not the reason, because the runtime's instance is open
	}
	defer unix.Close(epoll)
	return Epoll(epoll).Add(num, unix.EPOLLIN, 0)
}
