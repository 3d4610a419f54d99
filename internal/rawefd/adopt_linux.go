package rawefd

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// Adopt takes ownership of an eventfd of the given mode. It sets close-on-exec
// and no other flag. On error nothing is changed and the caller still owns the eventfd.
// If an FD already owns the number, Adopt returns an error matching os.ErrExist, because
// two owners would each close it.
func Adopt(num int, semaphore bool) (*FD, error) {
	if err := checkNumber("descriptor number", num, 0); err != nil {
		return nil, err
	}
	flags, err := fcntl(num, unix.F_GETFL, 0)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	if err := checkMode(num, semaphore); err != nil {
		return nil, err
	}
	if !owned.add(num) {
		return nil, fmt.Errorf("descriptor belongs to another object: %w", os.ErrExist)
	}
	if _, err := fcntl(num, unix.F_SETFD, unix.FD_CLOEXEC); err != nil {
		owned.remove(num)
		return nil, os.NewSyscallError("fcntl", err)
	}
	return newFD(num, flags&unix.O_NONBLOCK == 0), nil
}

// FromProcess adopts a duplicate of descriptor num of process pid.
func FromProcess(pid, num int, semaphore bool) (*FD, error) {
	if err := errors.Join(checkNumber("process id", pid, 1), checkNumber("descriptor number", num, 0)); err != nil {
		return nil, err
	}
	var pidfd, own int
	err := retrying("pidfd_open", -1, 0, func() (err error) {
		pidfd, err = unix.PidfdOpen(pid, 0)
		return err
	})
	if err != nil {
		return nil, os.NewSyscallError("pidfd_open", err)
	}
	defer unix.Close(pidfd)
	err = retrying("pidfd_getfd", pidfd, 0, func() (err error) {
		own, err = unix.PidfdGetfd(pidfd, num, 0)
		return err
	})
	if err != nil {
		return nil, os.NewSyscallError("pidfd_getfd", err)
	}
	f, err := Adopt(own, semaphore)
	if err != nil {
		unix.Close(own)
	}
	return f, err
}

// checkNumber refuses numbers that the kernel would silently cut to 32 bits.
func checkNumber(what string, n, least int) error {
	if n < least || n > math.MaxInt32 {
		return fmt.Errorf("%s %d is out of range: %w", what, n, os.ErrInvalid)
	}
	return nil
}

// checkMode returns an error unless num is an eventfd of the given mode. If the
// kernel does not show the mode (before Linux 6.5, gVisor), checkMode accepts any eventfd.
func checkMode(num int, semaphore bool) error {
	info, err := readInfo(num)
	if err != nil {
		return fmt.Errorf("unknown kind of file: %w", err)
	}
	if _, ok := info.field("eventfd-count:"); !ok {
		if err := checkLink(num); err != nil {
			return err
		}
	}
	switch mode, _ := info.field("eventfd-semaphore:"); {
	case mode == "0" && semaphore:
		return fmt.Errorf("eventfd is in counting mode: %w", os.ErrInvalid)
	case mode == "1" && !semaphore:
		return fmt.Errorf("eventfd is in semaphore mode: %w", os.ErrInvalid)
	}
	return nil
}

// checkLink returns an error unless num is an eventfd. It is for systems such as gVisor, whose
// fdinfo has no line for eventfds.
func checkLink(num int) error {
	path := procFile("fd", num)
	switch name, err := readlink(path); {
	case err != nil:
		return fmt.Errorf("unknown kind of file: %w", &os.PathError{Op: "readlink", Path: path, Err: err})
	case name != "anon_inode:[eventfd]":
		return fmt.Errorf("not an eventfd: %w", os.ErrInvalid)
	}
	return nil
}

// procFile returns the path of a descriptor in a folder of /proc. It uses /proc/thread-self,
// because /proc/self is the main thread's and is empty once that has ended; a C program can
// end it.
func procFile(folder string, num int) string {
	return "/proc/thread-self/" + folder + "/" + strconv.Itoa(num)
}

// Count returns the count without taking it. The caller must be between Use and Done.
func (f *FD) Count() (uint64, error) {
	info, err := readInfo(int(f.num))
	if err != nil {
		return 0, err
	}
	hex, ok := info.field("eventfd-count:")
	if !ok {
		return 0, fmt.Errorf("system does not show the count of an eventfd: %w", errors.ErrUnsupported)
	}
	return strconv.ParseUint(hex, 16, 64)
}

// fdinfo is the text of fdinfo/N in /proc. Each line has a name and a value.
type fdinfo []byte

// readInfo reads all of fdinfo, because the lines that name the file's locks come before those
// of an eventfd. It makes plain system calls, because os.Open would make the runtime start its
// poller (see StartPolling).
func readInfo(num int) (fdinfo, error) {
	path := procFile("fdinfo", num)
	fd, err := openRead(path)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	info := make(fdinfo, 0, 512)
	for {
		n, err := read(fd, info[len(info):cap(info)])
		switch {
		case err != nil:
			return nil, &os.PathError{Op: "read", Path: path, Err: err}
		case n == 0:
			return info, nil
		default:
			info = slices.Grow(info[:len(info)+n], 1)
		}
	}
}

// field returns the value of the line that starts with name.
func (i fdinfo) field(name string) (value string, ok bool) {
	for line := range bytes.Lines(i) {
		if value, ok := bytes.CutPrefix(line, []byte(name)); ok {
			return string(bytes.TrimSpace(value)), true
		}
	}
	return "", false
}
