package semaphore

import (
	"fmt"
	"os"

	"github.com/eventchan/eventchan/internal/rawefd"
)

// FromFD returns a Semaphore that uses the eventfd fd and takes ownership of it. The eventfd
// can have been created by this process, by C code or by another process. FromFD makes fd
// close-on-exec. It does not change O_NONBLOCK, because all holders of the eventfd share that
// flag. fd must be in the descriptor table that the threads of the process share; see
// [Semaphore.FD].
//
// On error the caller still owns fd, which is unchanged. The error matches [os.ErrInvalid] if fd is
// negative, does not fit in 32 bits, or is not an eventfd in semaphore mode, EBADF if fd is not open,
// and [os.ErrExist] if a Notifier or Semaphore already owns fd. FromFD reads /proc to check the kind
// and the mode. Before Linux 6.5, and in gVisor, the mode is not shown, and an eventfd in the other
// mode is accepted. If /proc cannot be read, FromFD returns that error. On systems other than Linux
// FromFD returns an error matching [errors.ErrUnsupported].
func FromFD(fd int) (*Semaphore, error) {
	own, err := rawefd.Adopt(fd, true)
	if err != nil {
		return nil, fmt.Errorf("semaphore: FromFD(%d): %w", fd, err)
	}
	return wrap(0, -1, own), nil
}

// FromProcess returns a Semaphore that uses a duplicate of descriptor fd of the process pid.
// The descriptor must be an eventfd in semaphore mode. Both processes then share the permits.
// The caller must be allowed to ptrace that process; see pidfd_getfd(2). FromProcess requires
// Linux 5.6. For a child process, call it before [os/exec.Cmd.Wait], because the pid can be
// reused afterward.
//
// FromProcess returns an error matching ESRCH if the process does not exist, EBADF if it does not have
// that descriptor, [os.ErrPermission] if the caller is not allowed to ptrace it, [os.ErrInvalid] if
// pid is less than 1, and [errors.ErrUnsupported] before Linux 5.6. Other errors are those of [FromFD].
func FromProcess(pid, fd int) (*Semaphore, error) {
	own, err := rawefd.FromProcess(pid, fd, true)
	if err != nil {
		return nil, fmt.Errorf("semaphore: FromProcess(%d, %d): %w", pid, fd, err)
	}
	return wrap(0, -1, own), nil
}

// FD returns the descriptor of the eventfd, for C code and for processes that inherit it.
// Reading 8 bytes from it takes a permit. Writing 8 bytes, a uint64 in native byte order, adds
// that number of permits. A reader that is to wait must call poll(2) first, because the
// descriptor is non-blocking, unless it came to [FromFD] without O_NONBLOCK. The Semaphore owns
// the descriptor: do not close it, and do not use it after Close, when the number can belong to
// another file.
//
// The first call of FD or File moves the permits to the eventfd. No permit is lost, even if
// other calls run concurrently. From then on Acquire and Release make system calls, so do not
// call FD without need. No method of an exported Semaphore, and neither FD nor File, may be called
// on a thread with a descriptor table of its own (unshare(2) with CLONE_FILES): there the number can
// mean another file, which Release would write to and Close would close.
//
// FD returns -1 after Close, if the process is out of descriptors (EMFILE), and on systems
// other than Linux; File then returns the reason.
func (s *Semaphore) FD() int {
	fd, err := s.export()
	if err != nil {
		return -1
	}
	return fd.Number()
}

// File returns a duplicate of the descriptor, which the caller must close. It is for
// [os/exec.Cmd.ExtraFiles], for SCM_RIGHTS, and for other uses that need a descriptor that
// outlives the Semaphore. The first call of FD or File moves the permits to the eventfd; see
// [Semaphore.FD].
//
// The file is close-on-exec, and non-blocking unless the eventfd came to [FromFD] without
// O_NONBLOCK. Entry i of ExtraFiles is descriptor 3+i of the child process, where it is not
// close-on-exec. Close the file once it is handed over, because the Go runtime watches a
// non-blocking file, and each Release wakes the runtime.
//
// The error wraps that of the system call, an [*os.SyscallError] such as EMFILE. On systems
// other than Linux File returns an error matching [errors.ErrUnsupported], and after Close one
// matching [os.ErrClosed].
func (s *Semaphore) File() (*os.File, error) {
	fd, err := s.export()
	if err != nil {
		return nil, s.failed("File", err)
	}
	if !fd.Use() {
		return nil, s.failed("File", os.ErrClosed)
	}
	defer fd.Done()
	file, err := fd.Dup()
	if err != nil {
		return nil, s.failed("File", err)
	}
	return file, nil
}

// export returns the eventfd, and makes it the first time. A waiter for several permits polls
// an eventfd by itself (see recheck), so such waiters are woken to start doing so.
func (s *Semaphore) export() (*rawefd.FD, error) {
	if fd := s.count.FD(); fd != nil {
		return fd, nil
	}
	if !s.count.Lock() {
		return nil, os.ErrClosed
	}
	defer s.count.Unlock()
	fd, err := s.count.Export(s.waiters.Len() > 0)
	if err != nil {
		return nil, err
	}
	for p := s.waiters.First(); p != nil; p = p.Next() {
		if p.Value.permits > 1 {
			s.rouse(p)
		}
	}
	s.rejoin()
	s.recall() // hold then sets its timer: from now on it gives the permit back after a while
	return fd, nil
}
