package notify

import (
	"fmt"
	"os"

	"github.com/eventchan/eventchan/internal/rawefd"
)

// FromFD returns a Notifier that uses the eventfd fd and takes ownership of it. The eventfd can have
// been created by this process, by C code or by another process. FromFD makes fd close-on-exec. It
// does not change O_NONBLOCK, because all holders of the eventfd share that flag. fd must be in the
// descriptor table that the threads of the process share; see [Notifier.FD].
//
// On error the caller still owns fd, which is unchanged. The error matches [os.ErrInvalid] if fd is
// negative, does not fit in 32 bits, or is not an eventfd in counting mode, EBADF if fd is not open,
// and [os.ErrExist] if a Notifier or Semaphore already owns fd. FromFD reads /proc to check the kind
// and the mode. Before Linux 6.5, and in gVisor, the mode is not shown, and an eventfd in the other
// mode is accepted. If /proc cannot be read, FromFD returns that error. On systems other than Linux
// FromFD returns an error matching [errors.ErrUnsupported].
func FromFD(fd int) (*Notifier, error) {
	own, err := rawefd.Adopt(fd, false)
	if err != nil {
		return nil, fmt.Errorf("notify: FromFD(%d): %w", fd, err)
	}
	return wrap(own), nil
}

// FromProcess returns a Notifier that uses a duplicate of descriptor fd of the process pid. The
// descriptor must be an eventfd in counting mode. Both processes then share the count. The caller must
// be allowed to ptrace that process; see pidfd_getfd(2). FromProcess requires Linux 5.6. For a child
// process, call it before [os/exec.Cmd.Wait], because the pid can be reused afterward.
//
// FromProcess returns an error matching ESRCH if the process does not exist, EBADF if it does not have
// that descriptor, [os.ErrPermission] if the caller is not allowed to ptrace it, [os.ErrInvalid] if
// pid is less than 1, and [errors.ErrUnsupported] before Linux 5.6. Other errors are those of [FromFD].
func FromProcess(pid, fd int) (*Notifier, error) {
	own, err := rawefd.FromProcess(pid, fd, false)
	if err != nil {
		return nil, fmt.Errorf("notify: FromProcess(%d, %d): %w", pid, fd, err)
	}
	return wrap(own), nil
}

// FD returns the descriptor of the eventfd, for C code, for the kernel and for processes that inherit
// it. Writing 8 bytes, a uint64 in native byte order, adds that number to the count. Reading 8 bytes
// takes the whole count. A reader that is to wait must call poll(2) first, because the descriptor is
// non-blocking, unless it came to [FromFD] without O_NONBLOCK. The Notifier owns the descriptor: do not
// close it, and do not use it after Close, when the number can belong to another file.
//
// The first call of FD or File moves the count to the eventfd. No signal is lost, even if other calls
// run concurrently. From then on each signal costs a system call, so do not call FD without need.
//
// FD, File, and all methods of an exported Notifier must not be called on a thread with a descriptor
// table of its own (unshare(2) with CLONE_FILES). There the number can mean another file, which Add
// would write to and Close would close.
//
// FD returns -1 after Close, if the process is out of descriptors (EMFILE), and on systems other than
// Linux; File then returns the reason.
func (n *Notifier) FD() int {
	fd, err := n.export()
	if err != nil {
		return -1
	}
	return fd.Number()
}

// File returns a duplicate of the descriptor, which the caller must close. It is for
// [os/exec.Cmd.ExtraFiles], for SCM_RIGHTS, and for other uses that need a descriptor that outlives
// the Notifier. The first call of FD or File moves the count to the eventfd; see [Notifier.FD].
//
// The file is close-on-exec, and non-blocking unless the eventfd came to [FromFD] without O_NONBLOCK.
// Entry i of ExtraFiles is descriptor 3+i of the child process, where it is not close-on-exec. Close
// the file once it is handed over, because the Go runtime watches a non-blocking file, and each signal
// wakes the runtime.
//
// The error wraps that of the system call, an [*os.SyscallError] such as EMFILE. On systems other than
// Linux File returns an error matching [errors.ErrUnsupported], and after Close one matching
// [os.ErrClosed].
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

// export returns the eventfd, and makes it the first time.
func (n *Notifier) export() (*rawefd.FD, error) {
	if fd := n.count.FD(); fd != nil {
		return fd, nil
	}
	if !n.lock() {
		return nil, os.ErrClosed
	}
	defer n.count.Unlock()
	n.noteClaimed()                        // before Close can find an eventfd
	n.queued.Store(int32(n.waiters.Len())) // before Add can see fd
	fd, err := n.count.Export(n.waited())
	if err != nil {
		n.queued.Store(0)
		n.settle()
	}
	return fd, err
}
