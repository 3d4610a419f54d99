package device

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Request numbers as _IO, _IOW and _IOR make them on x86, arm, riscv and s390 (the directions have other
// numbers on mips, powerpc and sparc): direction, size of the argument, magic number, number.
const (
	magic = 0xEC << 8
	write = 1 << 30
	read  = 2 << 30

	attach   = magic | 1
	detach   = magic | 2
	signal   = write | unsafe.Sizeof(signalRequest{})<<16 | magic | 3
	listen   = write | unsafe.Sizeof(listenRequest{})<<16 | magic | 4
	unlisten = magic | 5
	stats    = read | unsafe.Sizeof(Stats{})<<16 | magic | 6
)

// Device is one open /dev/eventchan, with one sender and one listener in the kernel. Errors match the errno
// that eventchan.h documents, and [os.ErrClosed] after Close. A Device is safe for concurrent use; the
// module serves one call at a time.
type Device struct {
	file *os.File
}

// Open opens the device. It returns an error matching [os.ErrNotExist] if the module is not loaded.
func Open() (*Device, error) {
	file, err := os.OpenFile(Path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return &Device{file}, nil
}

// Attach gives the module the eventfd fd, which Signal then signals.
func (d *Device) Attach(fd int) error {
	if err := descriptors("attach", fd); err != nil {
		return err
	}
	return d.ioctl("attach", attach, uintptr(fd))
}

// Detach takes the eventfd back. No signal comes after it has returned.
func (d *Device) Detach() error { return d.ioctl("detach", detach, 0) }

// Signal asks for count signals. From Caller, all have been given when it returns. From Thread and Timer,
// they come in the background; from Timer, one comes every periodUS microseconds.
func (d *Device) Signal(count uint64, from Source, periodUS uint32) error {
	request := signalRequest{count, from, periodUS}
	return d.ioctlStruct("signal", signal, unsafe.Pointer(&request))
}

// Listen makes the kernel wait for the eventfd fd and answer each signal with one on reply, unless reply
// is [NoReply].
func (d *Device) Listen(fd, reply int) error {
	if err := descriptors("listen", fd, reply); err != nil {
		return err
	}
	request := listenRequest{int32(fd), int32(reply)}
	return d.ioctlStruct("listen", listen, unsafe.Pointer(&request))
}

// Unlisten ends Listen. Earlier signals are counted; answers that were not sent yet are dropped.
func (d *Device) Unlisten() error { return d.ioctl("unlisten", unlisten, 0) }

// Stats returns what the module has done since the last Attach and Listen.
func (d *Device) Stats() (Stats, error) {
	var s Stats
	err := d.ioctlStruct("stats", stats, unsafe.Pointer(&s))
	return s, err
}

// Close stops the sender and the listener and drops the eventfds, as does the end of the process.
func (d *Device) Close() error { return d.file.Close() }

// descriptors refuses numbers that become another descriptor's when they are cut to the 32 bits of the ioctl.
func descriptors(name string, fds ...int) error {
	for _, fd := range fds {
		if int(int32(fd)) != fd {
			return fmt.Errorf("eventchan %s: descriptor %d: %w", name, fd, unix.EBADF)
		}
	}
	return nil
}

func (d *Device) ioctl(name string, request, argument uintptr) error {
	return d.control(name, func(fd uintptr) unix.Errno {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, request, argument)
		return errno
	})
}

// ioctlStruct is separate from ioctl because only a conversion to uintptr in the call itself keeps the
// argument alive and in its place.
func (d *Device) ioctlStruct(name string, request uintptr, argument unsafe.Pointer) error {
	return d.control(name, func(fd uintptr) unix.Errno {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, request, uintptr(argument))
		return errno
	})
}

// control keeps the descriptor from being closed, and its number from being reused, during the call.
func (d *Device) control(name string, call func(fd uintptr) unix.Errno) error {
	conn, err := d.file.SyscallConn()
	if err != nil {
		return fmt.Errorf("eventchan %s: %w", name, err)
	}
	var errno unix.Errno
	if err := conn.Control(func(fd uintptr) { errno = call(fd) }); err != nil {
		return fmt.Errorf("eventchan %s: %w", name, err)
	}
	if errno != 0 {
		return fmt.Errorf("eventchan %s: %w", name, errno)
	}
	return nil
}
