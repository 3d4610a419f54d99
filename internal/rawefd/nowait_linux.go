package rawefd

import (
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// nowait says whether preadv2(2) with RWF_NOWAIT is a read that never blocks, whatever
// the flags of the descriptor are. Linux before 5.8 cannot read an eventfd that way,
// a container runtime can refuse the call, and gVisor ignores the flag.
var nowait atomic.Int32

const (
	unknown = iota
	trusted
	refused
)

// forget makes Take ask the system again.
func forget() { nowait.Store(unknown) }

// unknownFlag is a flag that has no meaning in any kernel.
const unknownFlag = 1 << 30

// preadv2 reads 8 bytes of an eventfd into count.
//
// It makes a raw system call, which saves the scheduler's bookkeeping. The callers must make
// sure that the read cannot block.
func preadv2(num int, count *uint64, flags uintptr) syscall.Errno {
	if errno := refusal("preadv2", num, flags); errno != 0 {
		return errno
	}
	var v unix.Iovec
	v.Base = (*byte)(unsafe.Pointer(count))
	v.SetLen(8)
	_, _, errno := unix.RawSyscall6(unix.SYS_PREADV2, uintptr(num), uintptr(unsafe.Pointer(&v)), 1,
		^uintptr(0), ^uintptr(0), flags)
	return errno
}

// askNowait finds out whether nowait is trusted, with a non-blocking eventfd that it opens for
// the purpose. A system that accepts a flag it cannot know ignores RWF_NOWAIT as well.
func askNowait() bool {
	if nowait.Load() != unknown {
		return nowait.Load() == trusted
	}
	num, err := eventfd2(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return false // and ask again next time
	}
	defer CloseNumber(num)
	var count uint64
	answer := int32(refused)
	if preadv2(num, &count, unknownFlag) == unix.EOPNOTSUPP && preadv2(num, &count, unix.RWF_NOWAIT) == unix.EAGAIN {
		answer = trusted
	}
	nowait.CompareAndSwap(unknown, answer)
	return nowait.Load() == trusted
}
