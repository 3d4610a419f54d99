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

// On a system where every read can block, Take polls before it reads. If O_NONBLOCK is off
// and another holder of the eventfd takes the count between the two, read(2) blocks until the
// next signal. A caller of Take holds the lock of an object, and can be the poller's
// goroutine. Therefore a separate goroutine makes such a read. If the read blocks, Take
// leaves that goroutine behind, which gives back what it gets: the count is then in the
// eventfd as if it had come a moment later, and causes an event.
//
// Another holder that also clears O_NONBLOCK between the check of that flag and the read can
// still make Take block.

// takePolled is Take on a system where every read can block.
func (f *FD) takePolled() (uint64, error) {
	f.looking.Lock()
	defer f.looking.Unlock()
	if f.left {
		return 0, nil // the count goes to the goroutine that was left behind, which gives it back
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
	asideWaits = iota // the goroutine is not running yet
	asideReads        // the goroutine is in read(2)
	asideEnded        // count and err are set, for Take to return
	asideLeft         // Take has returned without waiting
)

// blockedRead is how long the eventfd must be empty before takeAside concludes that the read
// blocks. It is that long because on a busy machine the reading goroutine might not run for a
// while after its read has succeeded.
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
	var since time.Time // when the eventfd was first found empty
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

// readAside is the goroutine that reads. If Take has left it behind, it owns the duplicate.
func (f *FD) readAside(r *aside, dup int) {
	r.state.Store(asideReads)
	r.count, r.err = readCount(dup)
	if r.state.CompareAndSwap(asideReads, asideEnded) {
		return
	}
	f.looking.Lock() // Take sets left before it unlocks
	f.left = false   // before giveBack causes an event, after which Take is called
	f.looking.Unlock()
	giveBack(dup, r.count)
	unix.Close(dup)
}

// giveBack adds to an eventfd, and waits while it is full. Adding 0 causes an event as well, which
// is needed after a read that has failed.
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
