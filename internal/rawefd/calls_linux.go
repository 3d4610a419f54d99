package rawefd

import (
	"golang.org/x/sys/unix"
)

// These are the system calls that are not on a fast path. Each is retried if a signal
// interrupts it, and a Hook can make each fail.

func eventfd2(count uint, flags int) (num int, err error) {
	err = retrying("eventfd2", -1, uintptr(flags), func() (err error) {
		num, err = unix.Eventfd(count, flags)
		return err
	})
	return num, err
}

func epollCreate1() (num int, err error) {
	err = retrying("epoll_create1", -1, 0, func() (err error) {
		num, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC)
		return err
	})
	return num, err
}

func epollCtl(epoll, op, num int, ev *unix.EpollEvent) error {
	return retrying("epoll_ctl", num, uintptr(op), func() error { return unix.EpollCtl(epoll, op, num, ev) })
}

func fcntl(num, cmd, arg int) (result int, err error) {
	err = retrying("fcntl", num, uintptr(cmd), func() (err error) {
		result, err = unix.FcntlInt(uintptr(num), cmd, arg)
		return err
	})
	return result, err
}

func openRead(path string) (num int, err error) {
	err = retrying("open", -1, 0, func() (err error) {
		num, err = unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		return err
	})
	return num, err
}

func read(num int, buf []byte) (n int, err error) {
	err = retrying("read", num, 0, func() (err error) {
		n, err = unix.Read(num, buf)
		return err
	})
	return n, err
}

func readlink(path string) (target string, err error) {
	var buf [64]byte
	var n int
	err = retrying("readlink", -1, 0, func() (err error) {
		n, err = unix.Readlink(path, buf[:])
		return err
	})
	return string(buf[:max(n, 0)]), err
}
