package rawefd

import (
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// nowait is whether preadv2(2) with RWF_NOWAIT is a read that never blocks, whatever
// the flags of the descriptor are. Linux does not read an eventfd so before 5.8,
// container runtimes may refuse the call, and gVisor ignores the flag.
var nowait atomic.Int32

const (
	unknown = iota
	trusted
	refused
)

// forget has Take ask again.
func forget() { nowait.Store(unknown) }

// unknownFlag is one that no kernel has given a meaning.
const unknownFlag = 1 << 30

// preadv2 reads 8 bytes of an eventfd into count.
//
// It is a raw system call, which saves the scheduler's bookkeeping. That is right
// for reads that cannot block: the callers see to that.
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

// askNowait finds out, with an eventfd of its own that cannot block, and reports
// whether the answer is yes. A system that does not refuse a flag which it cannot
// know ignores the other one too.
func askNowait() bool {
	if nowait.Load() != unknown {
		return nowait.Load() == trusted
	}
	num, err := eventfd2(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return false // for now
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
