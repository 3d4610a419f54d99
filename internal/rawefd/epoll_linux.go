package rawefd

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Event bits, as in epoll(7).
const (
	EventIn      = unix.EPOLLIN
	EventPri     = unix.EPOLLPRI
	EventEdge    = unix.EPOLLET
	EventOneShot = unix.EPOLLONESHOT
	EventUnasked = unix.EPOLLERR | unix.EPOLLHUP // reported in any case
)

// An Event is an event of the descriptor that was added with ID.
type Event struct {
	Bits uint32
	ID   uint64
}

// An Epoll is the descriptor of an epoll instance.
type Epoll int

// NewEpoll creates an epoll instance, close-on-exec and non-blocking. The latter makes
// os.NewFile register it with the runtime's poller.
func NewEpoll() (Epoll, error) {
	ep, err := epollCreate1()
	if err != nil {
		return -1, os.NewSyscallError("epoll_create1", err)
	}
	if _, err := fcntl(ep, unix.F_SETFL, unix.O_NONBLOCK); err != nil {
		unix.Close(ep)
		return -1, os.NewSyscallError("fcntl", err)
	}
	return Epoll(ep), nil
}

// Add registers descriptor num for the events in bits.
func (e Epoll) Add(num int, bits uint32, id uint64) error {
	return e.ctl(unix.EPOLL_CTL_ADD, num, bits, id)
}

// Modify replaces what Add registered; what is ready now counts as a new event.
func (e Epoll) Modify(num int, bits uint32, id uint64) error {
	return e.ctl(unix.EPOLL_CTL_MOD, num, bits, id)
}

// Delete undoes Add.
func (e Epoll) Delete(num int) error {
	return e.ctl(unix.EPOLL_CTL_DEL, num, 0, 0)
}

func (e Epoll) ctl(op, num int, bits uint32, id uint64) error {
	// Fd and Pad are the two halves of the kernel's 64 bits of user data, in either order.
	ev := unix.EpollEvent{Events: bits, Fd: int32(id), Pad: int32(id >> 32)}
	err := epollCtl(int(e), op, num, &ev)
	switch err {
	case nil:
		return nil
	case unix.EPERM, unix.ELOOP: // the file has no poll method; epoll instances are nested too deeply
		return fmt.Errorf("%w: %w", ErrNotPollable, os.NewSyscallError("epoll_ctl", err))
	}
	return e.limit(err, op, num)
}

// limit returns an error of epoll_ctl. It names the limit that was reached, if any.
func (e Epoll) limit(err error, op, num int) error {
	call := os.NewSyscallError("epoll_ctl", err)
	switch {
	case err == unix.ENOSPC:
		return fmt.Errorf("too many watches of this user (see fs.epoll.max_user_watches): %w", call)
	case err == unix.EINVAL && op == unix.EPOLL_CTL_ADD && e.couldHave(num):
		return fmt.Errorf("too many epoll instances watch this open file (epoll allows 500 wake-up paths, and a Watcher takes two): %w", call)
	}
	return call
}

// couldHave reports whether num is not registered but could be. If so, EINVAL of epoll_ctl means
// that the limit of paths was reached. It can also mean that e is not an epoll instance in the
// caller's thread (see Elsewhere), or that num is e itself.
func (e Epoll) couldHave(num int) bool {
	return unix.EpollCtl(int(e), unix.EPOLL_CTL_DEL, num, nil) == unix.ENOENT
}

// A RawEvent is an Event as the kernel writes it.
type RawEvent unix.EpollEvent

func (ev *RawEvent) Bits() uint32 { return ev.Events }
func (ev *RawEvent) ID() uint64   { return uint64(uint32(ev.Fd)) | uint64(uint32(ev.Pad))<<32 }

// BatchSize is the most events that one Wait returns.
const BatchSize = 128

// A Batch receives the events of one Wait.
type Batch struct {
	raw    [BatchSize]RawEvent
	events [BatchSize]Event
}

// Wait returns the events that are there now. It never blocks.
func (e Epoll) Wait(b *Batch) ([]Event, error) {
	n, err := e.Fetch(b.raw[:])
	for i := range b.raw[:n] {
		b.events[i] = Event{Bits: b.raw[i].Bits(), ID: b.raw[i].ID()}
	}
	return b.events[:n], err
}

// Fetch is Wait for any number of events. It returns how many of them it has written.
func (e Epoll) Fetch(events []RawEvent) (int, error) {
	n, err := e.fetch(events)
	for err == unix.EINTR {
		n, err = e.fetch(events)
	}
	if err != 0 {
		return 0, os.NewSyscallError("epoll_pwait", err)
	}
	return n, nil
}

// fetch makes a raw system call, which saves the scheduler's bookkeeping. That is allowed
// because with a timeout of 0 the call never blocks.
func (e Epoll) fetch(events []RawEvent) (int, syscall.Errno) {
	if errno := refusal("epoll_pwait", int(e), 0); errno != 0 {
		return 0, errno
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(e),
		uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	return int(n), errno
}

// File makes the epoll instance a file of Go's runtime poller. The caller has called StartPolling
// before. The file owns the epoll instance; on error File has closed it.
func (e Epoll) File() (*os.File, error) { return newPolledFile(int(e), "epoll instance") }

// Close closes the epoll instance, which ends all registrations.
func (e Epoll) Close() {
	unix.Close(int(e))
}
