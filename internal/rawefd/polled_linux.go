package rawefd

import (
	"os"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/race"
)

// Where there is no read that never blocks, Take polls before it reads. If O_NONBLOCK is off
// and another holder of the eventfd takes the count between the two, read(2) blocks until the
// next signal. A caller of Take holds the lock of an object, and can be the poller's
// goroutine. Therefore such a read is made by a goroutine of its own. If it blocks, Take
// leaves that goroutine behind, which gives back what it gets: then the count is in the
// eventfd as if it had come a moment later, and makes an event.
//
// Another holder that also clears O_NONBLOCK between the look at that flag and the read can
// still have Take block.

// takePolled is Take where there is no such read.
func (f *FD) takePolled() (uint64, error) {
	f.looking.Lock()
	defer f.looking.Unlock()
	if f.left {
		return 0, nil // what is there goes to that goroutine, and comes back
	}
	if there, err := Poll(int(f.num), unix.POLLIN); err != nil || there&unix.POLLIN == 0 {
		return 0, err
	}
	flags, err := fcntl(int(f.num), unix.F_GETFL, 0)
	if err != nil && f.blocking || err == nil && flags&unix.O_NONBLOCK == 0 {
		return f.takeAside()
	}
	return readCount(int(f.num))
}

func readCount(num int) (count uint64, err error) {
	for {
		errno := refusal("read", num, 0)
		if errno == 0 {
			_, _, errno = unix.Syscall(unix.SYS_READ, uintptr(num), uintptr(unsafe.Pointer(&count)), 8)
		}
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

// An aside is a read that can block.
type aside struct {
	state atomic.Int32
	count uint64
	err   error
}

const (
	asideWaits = iota // for its goroutine to run
	asideReads
	asideEnded // Take returns count and err
	asideLeft  // Take has returned
)

// blockedRead is how long a read may take of an eventfd that is empty: its result is on the
// way, or it blocks. It is so long because a busy machine may not let the goroutine go on.
const blockedRead = 50 * time.Millisecond

// takeAside reads the descriptor in another goroutine, through a duplicate, so that Close
// does not have to wait for the read. The caller holds looking.
func (f *FD) takeAside() (uint64, error) {
	dup, err := fcntl(int(f.num), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return 0, os.NewSyscallError("fcntl", err)
	}
	var r aside
	go f.readAside(&r, dup)
	var since time.Time // of the last look that found the eventfd empty
	for turn := 0; r.state.Load() != asideEnded; turn++ {
		if turn < 100 {
			runtime.Gosched()
			continue
		}
		pause(50 * time.Microsecond)
		switch there, err := Poll(int(f.num), unix.POLLIN); {
		case err == nil && there&unix.POLLIN != 0 || r.state.Load() == asideWaits:
			since = time.Time{}
		case since.IsZero():
			since = time.Now()
		case time.Since(since) > blockedRead && r.state.CompareAndSwap(asideReads, asideLeft):
			f.left = true
			return 0, nil
		}
	}
	unix.Close(dup)
	return r.count, r.err
}

// readAside is the goroutine. If Take has left it, the duplicate is its own.
func (f *FD) readAside(r *aside, dup int) {
	r.state.Store(asideReads)
	r.count, r.err = readCount(dup)
	if r.state.CompareAndSwap(asideReads, asideEnded) {
		return
	}
	f.looking.Lock() // Take sets left before it unlocks
	f.left = false   // before the event, by which Take is called
	f.looking.Unlock()
	giveBack(dup, r.count)
	unix.Close(dup)
}

// giveBack adds to an eventfd, and waits if it is full. Adding 0 makes an event as well, which
// is right after a read that has failed.
func giveBack(num int, count uint64) {
	race.Release()
	for {
		_, _, errno := unix.Syscall(unix.SYS_WRITE, uintptr(num), uintptr(unsafe.Pointer(&count)), 8)
		switch errno {
		case unix.EINTR:
		case unix.EAGAIN:
			pause(time.Millisecond)
		default:
			return
		}
	}
}
