package notify

import (
	"fmt"
	"os"

	"github.com/eventchan/eventchan/internal/rawefd"
)

// FromFD returns a Notifier that owns the eventfd fd, which was created here or
// came from C or another process, and makes it close-on-exec. O_NONBLOCK stays
// as it is, because all holders of the eventfd share that flag.
//
// If FromFD returns an error, fd stays the caller's, unchanged. The error matches
// [os.ErrInvalid] if fd is not an eventfd in counting mode (the kernel reports the mode
// since Linux 6.5) or not a possible descriptor number, and EBADF if it is not open. FromFD
// needs /proc. On systems other than Linux it returns an error matching
// [errors.ErrUnsupported].
func FromFD(fd int) (*Notifier, error) {
	own, err := rawefd.Adopt(fd, false)
	if err != nil {
		return nil, fmt.Errorf("notify: FromFD of descriptor %d: %w", fd, err)
	}
	return wrap(own), nil
}

// FromProcess returns a Notifier on descriptor fd of process pid, which must be
// an eventfd in counting mode. Both processes then share the count. The
// caller needs the right to ptrace that process: see pidfd_getfd(2), Linux 5.6. A pid can
// be reused once its process was waited for.
//
// It returns an error matching ESRCH if the process does not exist, EBADF if it does not
// have that descriptor, [os.ErrPermission] if the caller is not allowed to ptrace it, and
// otherwise those of [FromFD].
func FromProcess(pid, fd int) (*Notifier, error) {
	own, err := rawefd.FromProcess(pid, fd, false)
	if err != nil {
		return nil, fmt.Errorf("notify: FromProcess of descriptor %d of process %d: %w", fd, pid, err)
	}
	return wrap(own), nil
}

// FD returns the number of the eventfd's descriptor. It returns -1 after Close, if the
// process is out of descriptors (EMFILE), and on systems other than Linux; File then
// returns the reason. Writing a native uint64, 8 bytes, to the descriptor adds to the
// count: C code, the kernel, or a process that inherits it can do so. Reading takes the
// count; the descriptor is non-blocking, so a reader that is to wait calls poll(2)
// first. It stays the Notifier's own: do not close it, and do not use it
// after Close, when the number may be another file's.
//
// The first FD or File moves the count to the eventfd, with nothing lost,
// whatever runs at the same time. From then on a signal costs a system call: do
// not call it without need.
func (n *Notifier) FD() int {
	fd, err := n.export()
	if err != nil {
		return -1
	}
	return fd.Number()
}

// File returns a duplicate of the descriptor, which the caller closes. It is
// for [os/exec.Cmd.ExtraFiles], for SCM_RIGHTS, and for whoever else needs a
// descriptor that outlives the Notifier. Close it once it is handed over: as a
// non-blocking [os.File] it is watched by Go's runtime, which each signal wakes.
// An error wraps that of the system call, an [*os.SyscallError] such as EMFILE. On
// systems other than Linux File returns an error matching [errors.ErrUnsupported].
func (n *Notifier) File() (*os.File, error) {
	fd, err := n.export()
	if err != nil {
		return nil, n.failed("File", err)
	}
	if !fd.Use() {
		return nil, n.failed("File", os.ErrClosed)
	}
	defer fd.Done()
	file, err := fd.Dup()
	if err != nil {
		return nil, n.failed("File", err)
	}
	return file, nil
}

// export returns the eventfd.
func (n *Notifier) export() (*rawefd.FD, error) {
	if fd := n.count.FD(); fd != nil {
		return fd, nil
	}
	if !n.count.Lock() {
		return nil, os.ErrClosed
	}
	defer n.count.Unlock()
	n.queued.Store(int32(n.waiters.Len())) // before Add can see fd
	fd, err := n.count.Export(n.waited())
	if err != nil {
		n.queued.Store(0)
	}
	return fd, err
}
