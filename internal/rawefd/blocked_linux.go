package rawefd

import (
	"time"

	"golang.org/x/sys/unix"
)

// A lock-free Add does not look before it writes, which would cost a system call
// each time. If another holder of the eventfd has cleared O_NONBLOCK and filled the
// counter, that one call blocks, in a full system call, and Close has to end it.

// blockedDelay is how long a call can be under way at Close before it is looked at.
const blockedDelay = 10 * time.Millisecond

// endBlocked is a goroutine that Close starts if calls are under way. Should one of
// them block, it takes what is in the eventfd, again and again, so that there is room.
func (f *FD) endBlocked() {
	for {
		pause(blockedDelay)
		// This counts as a use for an instant, like a Use that comes after Close. If
		// the number is not gone by now, it stays until Done.
		if f.state.Add(1)&gone != 0 {
			f.state.Add(^uint64(0))
			return
		}
		if f.blocks() && Poll(f.num, unix.POLLOUT)&unix.POLLOUT == 0 {
			count, _ := f.Take()
			f.taken.Add(count) // less than 2^64 in all: nobody else fills it so quickly
		}
		f.Done()
	}
}

// Taken returns what was taken to make room, which no Take has returned. It is to be
// called by the function that Close was given.
func (f *FD) Taken() uint64 { return f.taken.Load() }

// pause sleeps. Where the runtime's poller does not run, a timer would start it, for
// which there may be no room.
func pause(d time.Duration) {
	if polled.Load() {
		time.Sleep(d)
	} else {
		Nap(d)
	}
}
