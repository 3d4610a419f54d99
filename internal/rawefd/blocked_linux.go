package rawefd

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A lock-free Add does not look before it writes, which would cost a system call
// each time. If another holder of the eventfd has cleared O_NONBLOCK and filled the
// counter, that one call blocks, in a full system call, and Close has to end it.

// blockedDelay is how long a call can be under way at Close before it is looked at.
const blockedDelay = 10 * time.Millisecond

// endBlocked is called by Close, which has a use, if other calls are under way. Should
// one of them block, a goroutine takes what is in the eventfd, again and again, so that
// there is room. It looks through a duplicate of its own and not through a use, which
// would put off the end of f.
func (f *FD) endBlocked() {
	dup, err := fcntl(int(f.num), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return
	}
	go func() {
		defer unix.Close(dup)
		for pause(blockedDelay); f.state.Load()&gone == 0; pause(blockedDelay) {
			if fullAndBlocking(dup) {
				f.makeRoom()
			}
		}
	}()
}

// fullAndBlocking reports whether a write would block now.
func fullAndBlocking(num int) bool {
	flags, err := fcntl(num, unix.F_GETFL, 0)
	if err != nil || flags&unix.O_NONBLOCK != 0 {
		return false
	}
	there, err := Poll(num, unix.POLLOUT)
	return err == nil && there&unix.POLLOUT == 0
}

// makeRoom takes, with a use, so that the end of f comes after it and sees Taken.
func (f *FD) makeRoom() {
	if f.state.Add(1)&gone != 0 { // as a Use that comes after Close
		f.state.Add(^uint64(0))
		return
	}
	if count, _ := f.Take(); count > 0 {
		taken.Store(f, count+f.Taken())
	}
	f.Done()
}

// taken is what was taken to make room, by FD. There is almost never any, so an FD has
// no room for it.
var taken sync.Map

// Taken returns what was taken to make room, which no Take has returned, and forgets
// it. It is to be called by the function that Close was given.
func (f *FD) Taken() uint64 {
	if count, ok := taken.LoadAndDelete(f); ok {
		return count.(uint64)
	}
	return 0
}

// pause sleeps. Where the runtime's poller does not run, a timer would start it, for
// which there may be no room.
func pause(d time.Duration) {
	if polled.Load() {
		time.Sleep(d)
	} else {
		Nap(d)
	}
}
