package rawefd

import (
	"errors"
	"math"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/race"
)

// HasEventfd reports whether an FD can be made on this system.
const HasEventfd = true

// New creates an eventfd that holds count, close-on-exec and non-blocking, in
// semaphore or in counting mode.
func New(count uint64, semaphore bool) (*FD, error) {
	flags := unix.EFD_CLOEXEC | unix.EFD_NONBLOCK
	if semaphore {
		flags |= unix.EFD_SEMAPHORE
	}
	// eventfd2 takes 32 bits; unix.Eventfd ignores the others.
	initial := min(count, math.MaxUint32)
	num, err := eventfd2(uint(initial), flags)
	if err != nil {
		return nil, os.NewSyscallError("eventfd2", err)
	}
	f := newFD(num, false)
	if rest := count - initial; rest > 0 {
		if err := f.Add(rest); err != nil {
			CloseNumber(num)
			return nil, err
		}
	}
	owned.add(num)
	return f, nil
}

func newFD(num int, blocking bool) *FD {
	return &FD{num: int32(num), blocking: blocking, slow: blocking || hook.Load() != nil}
}

// TryAdd is the fast path of Add, for a caller that is alone. If it returns a number other than 0,
// nothing was added, and the caller calls Add. The caller must be between Use and Done.
//
// TryAdd is inlined, while Add is not: on processors that guard their return stack,
// each return after a system call is mispredicted, which costs about 10 ns per frame.
//
// The write is a full system call and not a raw one. Another process that shares
// the descriptor can clear O_NONBLOCK at any time, and a write that then blocks at
// the maximum must not keep the scheduler's P.
func (f *FD) TryAdd(delta *uint64) (errno uintptr) {
	if f.slow {
		return uintptr(unix.EAGAIN)
	}
	race.Release()
	_, _, e := unix.Syscall(unix.SYS_WRITE, uintptr(f.num), uintptr(unsafe.Pointer(delta)), 8)
	return uintptr(e)
}

// Add adds delta, which must not be 0, to the count. It returns ErrFull if the count would exceed
// MaxCount. If another holder has cleared O_NONBLOCK, Add can block until Close (see
// blocked_linux.go); if it must not, Add returns ErrCrowded. The caller must be between Use and Done.
func (f *FD) Add(delta uint64) error {
	if delta > MaxCount {
		return ErrFull
	}
	if !f.Alone() {
		defer beside.Add(-1)
		if beside.Add(1) > mostBeside {
			return ErrCrowded
		}
	}
	return f.write(&delta)
}

// Blocking reports whether O_NONBLOCK was off when the descriptor was adopted. If so, its owner
// adds with AddIfWritable, under its lock.
func (f *FD) Blocking() bool { return f.blocking }

func (f *FD) write(delta *uint64) error {
	race.Release()
	for {
		errno := refusal("write", int(f.num), 0)
		if errno == 0 {
			_, _, errno = unix.Syscall(unix.SYS_WRITE, uintptr(f.num), uintptr(unsafe.Pointer(delta)), 8)
		}
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
		case unix.EAGAIN:
			return ErrFull
		default:
			return os.NewSyscallError("write", errno)
		}
	}
}

// AddIfWritable is Add for callers that hold a lock, and for blocking descriptors. It polls
// first, because a write(2) at the maximum blocks if O_NONBLOCK is off, and all holders of the
// eventfd share that flag. A single write cannot be made non-blocking: pwritev2 with RWF_NOWAIT
// fails with EOPNOTSUPP.
//
// Another process that raises the count to just under 2^64 between the poll and the write, and
// clears O_NONBLOCK, makes the write wait nevertheless. It is ended after 10 to 20 ms, by taking
// the count. The caller then fetches that with Taken, whether AddIfWritable succeeds or not.
// Only where preadv2 is refused does the write wait until another holder takes the count.
func (f *FD) AddIfWritable(delta uint64) error {
	if delta > MaxCount {
		return ErrFull
	}
	f.looking.Lock()
	defer f.looking.Unlock()
	switch there, err := Poll(int(f.num), unix.POLLOUT); {
	case err != nil:
		return err
	case there&unix.POLLOUT == 0:
		return ErrFull
	}
	if delta > 1 {
		if err := f.checkRoom(delta); err != nil {
			return err
		}
	}
	return f.writeGuarded(&delta)
}

// checkRoom returns an error if a write of delta could block. If the system does not
// show the count, it returns nil.
func (f *FD) checkRoom(delta uint64) error {
	flags, err := fcntl(int(f.num), unix.F_GETFL, 0)
	if err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	if flags&unix.O_NONBLOCK != 0 {
		return nil
	}
	switch count, err := f.Count(); {
	case errors.Is(err, errors.ErrUnsupported):
		return nil
	case err != nil:
		return err
	case count > MaxCount || delta > MaxCount-count:
		return ErrFull
	}
	return nil
}

// Take takes the whole count in counting mode and 1 in semaphore mode, and
// returns what it took, or 0 if the count is 0. It does not block, even if
// O_NONBLOCK is off; polled_linux.go says on which systems it can. The caller must be between
// Use and Done.
func (f *FD) Take() (uint64, error) {
	if nowait.Load() != trusted && !askNowait() {
		return f.takePolled()
	}
	var count uint64
	for {
		switch errno := preadv2(int(f.num), &count, unix.RWF_NOWAIT); errno {
		case 0:
			race.Acquire()
			return count, nil
		case unix.EAGAIN:
			return 0, nil
		case unix.EINTR:
			continue
		case unix.ENOSYS, unix.EOPNOTSUPP, unix.EPERM: // a filter was installed after askNowait
			nowait.Store(refused)
			return f.takePolled()
		default:
			return 0, os.NewSyscallError("preadv2", errno)
		}
	}
}

// Dup returns a duplicate of the descriptor, close-on-exec. It shares the
// count and the flags. The caller must be between Use and Done.
func (f *FD) Dup() (*os.File, error) {
	if err := StartPolling(); err != nil {
		return nil, err
	}
	num, err := fcntl(int(f.num), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return newFile(num, "eventfd")
}

// CloseNumber closes an eventfd that no FD uses.
func CloseNumber(num int) {
	owned.remove(num) // before the number can refer to another file
	unix.Close(num)   // cannot lose data; after EINTR the descriptor is closed as well
}
