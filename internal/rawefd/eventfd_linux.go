package rawefd

import (
	"math"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
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
	// eventfd2 takes 32 bits, and unix.Eventfd cuts off the others.
	initial := min(count, math.MaxUint32)
	num, err := unix.Eventfd(uint(initial), flags)
	if err != nil {
		return nil, os.NewSyscallError("eventfd2", err)
	}
	f := &FD{num: num}
	if rest := count - initial; rest > 0 {
		if err := f.Add(rest); err != nil {
			CloseNumber(num)
			return nil, err
		}
	}
	return f, nil
}

// TryAdd is Add for the usual case. If it returns another number than 0, nothing
// was added, and Add does it or returns the reason. The caller holds a use.
//
// It is inlined, which Add is not: on processors that guard their return stack
// each return after a system call is mispredicted, about 10 ns per frame.
//
// The write is a full system call and not a raw one: another process that shares
// the descriptor can clear O_NONBLOCK at any time, and a write that then blocks at
// the maximum must not take the scheduler's P with it.
func (f *FD) TryAdd(delta *uint64) (errno uintptr) {
	if f.blocking {
		return uintptr(unix.EAGAIN)
	}
	race.Release()
	_, _, e := unix.Syscall(unix.SYS_WRITE, uintptr(f.num), uintptr(unsafe.Pointer(delta)), 8)
	return uintptr(e)
}

// Add adds delta, which is not 0, to the count. It never blocks: it returns
// ErrFull if the count would pass MaxCount. The caller holds a use.
func (f *FD) Add(delta uint64) error {
	if delta > MaxCount {
		return ErrFull
	}
	if f.blocking {
		return f.addBlocking(delta)
	}
	for {
		switch errno := syscall.Errno(f.TryAdd(&delta)); errno {
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

// blockingAdds lets the check and the write of addBlocking be one step among
// the goroutines of this process.
var blockingAdds sync.Mutex

// addBlocking adds to an eventfd whose write(2) would block at the maximum.
// There is no write that a flag keeps from blocking (pwritev2 with RWF_NOWAIT
// gives EOPNOTSUPP), and O_NONBLOCK is not ours to set, since all who hold the
// eventfd share it. So look first. Another process that brings the count from
// below to just under 2^64 between the two calls can still make the write
// wait until somebody takes the count.
func (f *FD) addBlocking(delta uint64) error {
	blockingAdds.Lock()
	defer blockingAdds.Unlock()
	if Poll(f.num, unix.POLLOUT)&unix.POLLOUT == 0 {
		return ErrFull
	}
	if delta > 1 {
		if count, err := f.Count(); err == nil && (count > MaxCount || delta > MaxCount-count) {
			return ErrFull
		}
	}
	nonblocking := FD{num: f.num}
	return nonblocking.Add(delta)
}

// noNowait is set once the kernel has refused RWF_NOWAIT.
var noNowait atomic.Bool

// Take takes the whole count in counting mode and 1 in semaphore mode, and
// returns what it took: 0 if the count is 0. It never blocks, also where
// O_NONBLOCK is off. The caller holds a use.
func (f *FD) Take() (uint64, error) {
	if noNowait.Load() {
		return f.takePolled()
	}
	var v struct {
		iov   unix.Iovec
		count uint64
	}
	v.iov.Base = (*byte)(unsafe.Pointer(&v.count))
	v.iov.SetLen(8)
	for {
		// RawSyscall6 saves the scheduler's bookkeeping. It is right here alone,
		// since RWF_NOWAIT keeps the call from blocking whatever the flags are.
		_, _, errno := unix.RawSyscall6(unix.SYS_PREADV2, uintptr(f.num),
			uintptr(unsafe.Pointer(&v.iov)), 1, ^uintptr(0), ^uintptr(0), unix.RWF_NOWAIT)
		switch errno {
		case 0:
			race.Acquire()
			return v.count, nil
		case unix.EAGAIN:
			return 0, nil
		case unix.EINTR:
			continue
		case unix.ENOSYS, unix.EOPNOTSUPP:
			noNowait.Store(true)
			return f.takePolled()
		}
		return 0, os.NewSyscallError("preadv2", errno)
	}
}

// polledTakes keeps goroutines of this process from taking between the poll
// and the read of one another.
var polledTakes sync.Mutex

// takePolled is Take for kernels without RWF_NOWAIT (before 5.8, gVisor).
func (f *FD) takePolled() (uint64, error) {
	polledTakes.Lock()
	defer polledTakes.Unlock()
	if Poll(f.num, unix.POLLIN)&unix.POLLIN == 0 {
		return 0, nil
	}
	var count uint64
	for {
		_, _, errno := unix.Syscall(unix.SYS_READ, uintptr(f.num), uintptr(unsafe.Pointer(&count)), 8)
		switch errno {
		case 0:
			race.Acquire()
			return count, nil
		case unix.EAGAIN:
			return 0, nil
		case unix.EINTR:
			continue
		}
		return 0, os.NewSyscallError("read", errno)
	}
}

// Dup returns a duplicate of the descriptor, close-on-exec. It shares the
// count and the flags. The caller holds a use.
func (f *FD) Dup() (*os.File, error) {
	num, err := unix.FcntlInt(uintptr(f.num), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return newFile(num, "eventfd")
}

// CloseNumber closes an eventfd that no FD owns.
func CloseNumber(num int) {
	unix.Close(num) // an eventfd has nothing to flush, and EINTR closes it too
}
