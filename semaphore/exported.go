package semaphore

import (
	"fmt"
	"os"

	"github.com/eventchan/eventchan/internal/rawefd"
)

// FromFD returns a Semaphore that owns the eventfd fd, which was created here or
// came from C or another process, and makes it close-on-exec. O_NONBLOCK stays
// as it is, because all holders of the eventfd share that flag.
//
// If FromFD returns an error, fd stays the caller's, unchanged. The error matches
// [os.ErrInvalid] if fd is not an eventfd in semaphore mode (the kernel reports the mode
// since Linux 6.5) or not a possible descriptor number, and EBADF if it is not open. FromFD
// needs /proc. On systems other than Linux it returns an error matching
// [errors.ErrUnsupported].
func FromFD(fd int) (*Semaphore, error) {
	own, err := rawefd.Adopt(fd, true)
	if err != nil {
		return nil, fmt.Errorf("semaphore: FromFD of descriptor %d: %w", fd, err)
	}
	return wrap(0, own), nil
}

// FromProcess returns a Semaphore on descriptor fd of process pid, which must be
// an eventfd in semaphore mode. Both processes then share the permits. The
// caller needs the right to ptrace that process: see pidfd_getfd(2), Linux 5.6. A pid can
// be reused once its process was waited for.
//
// It returns an error matching ESRCH if the process does not exist, EBADF if it does not
// have that descriptor, [os.ErrPermission] if the caller is not allowed to ptrace it, and
// otherwise those of [FromFD].
func FromProcess(pid, fd int) (*Semaphore, error) {
	own, err := rawefd.FromProcess(pid, fd, true)
	if err != nil {
		return nil, fmt.Errorf("semaphore: FromProcess of descriptor %d of process %d: %w", fd, pid, err)
	}
	return wrap(0, own), nil
}

// FD returns the number of the eventfd's descriptor. It returns -1 after Close, if the
// process is out of descriptors (EMFILE), and on systems other than Linux; File then
// returns the reason. Reading 8 bytes from the descriptor takes a permit, and writing a
// native uint64 to it adds permits: C code, or a process that inherits it, can do so.
// The descriptor is non-blocking, so a reader that is to wait calls poll(2) first. It stays
// the Semaphore's own: do not close it, and do not use it after Close, when the
// number may be another file's.
//
// The first FD or File moves the permits to the eventfd, with nothing lost,
// whatever runs at the same time. From then on an Acquire and a Release cost
// system calls: do not call it without need.
func (s *Semaphore) FD() int {
	fd, err := s.export()
	if err != nil {
		return -1
	}
	return fd.Number()
}

// File returns a duplicate of the descriptor, which the caller closes. It is
// for [os/exec.Cmd.ExtraFiles], for SCM_RIGHTS, and for whoever else needs a
// descriptor that outlives the Semaphore. Close it once it is handed over: as a
// non-blocking [os.File] it is watched by Go's runtime, which each Release wakes.
// An error wraps that of the system call, an [*os.SyscallError] such as EMFILE. On
// systems other than Linux File returns an error matching [errors.ErrUnsupported].
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

// export returns the eventfd, and makes it the first time. A waiter for several permits
// looks at an eventfd by itself now and then, so those are woken.
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
			p.Value.rouse()
		}
	}
	s.rejoin()
	s.recall() // C learns that it has to give its permit back now and then
	return fd, nil
}
