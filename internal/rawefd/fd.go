// Package rawefd owns eventfds: it creates, adopts, adds to, takes from,
// inspects and closes them, and it is the only package that knows an
// operating system. Where there is no eventfd(2), every way to make an FD
// returns an error that matches [errors.ErrUnsupported].
package rawefd

import (
	"errors"
	"sync"
	"sync/atomic"
)

// MaxCount is the largest count that Add can make. Only the kernel itself can
// bring a counter past it, to MaxCount+1.
const MaxCount = 1<<64 - 2

// ErrFull is what Add returns when the count would pass MaxCount.
var ErrFull = errors.New("the count would pass its maximum")

// ErrNotPollable is what Epoll.Add returns for a file that epoll refuses.
var ErrNotPollable = errors.New("epoll cannot watch this kind of file")

// An FD is one eventfd together with the number of calls that use it now.
//
// A descriptor number is only a number: once it is closed, the next open in
// any thread can get it, and a write that was on its way lands in an unrelated
// file. So code that is about to name the number says so first:
//
//	if !f.Use() { return os.ErrClosed }
//	err := f.Add(1)
//	f.Done()
//
// Close only forbids new uses. The call that ends the last use closes the number, so
// Close never waits, and no call uses a number that is not this eventfd's.
type FD struct {
	// state holds the closed bit, the gone bit and the number of uses.
	//
	// Why this is right. Use adds 1 before it looks at the closed bit, in one
	// atomic step, so a use that saw the bit unset is counted before the bit
	// was set, and the number cannot be given up before its Done. A use that
	// saw the bit set is counted too for an instant; its own Done takes it
	// back and may be the one that finds no other use left. After Close the
	// count may so reach 0 several times: the one whose CompareAndSwap sets
	// the gone bit closes the descriptor, and no state with the gone bit equals
	// closed again, so it is closed once.
	state atomic.Uint64

	num      int32
	blocking bool // O_NONBLOCK was off when it was adopted
	left     bool // Take has left a read behind; guarded by looking
	looks    bool // TryAdd leaves everything to Add: blocking, or a test has set a Hook

	// looking makes a look and the call that it is for one operation among the
	// goroutines of this process, where no system call does both.
	looking sync.Mutex

	last func() // what Close wants done before the number goes
}

const (
	closed = 1 << 63
	gone   = 1 << 62
)

// Use announces a use of the descriptor and reports whether it is allowed:
// after Close it is not. Each Use that returned true needs one Done.
func (f *FD) Use() bool {
	if f.state.Add(1)&closed != 0 {
		return f.refuse()
	}
	return true
}

// refuse takes back the count of a use that came after Close. It is a function
// of its own so that Use can be inlined.
//
//go:noinline
func (f *FD) refuse() bool {
	f.Done()
	return false
}

// Done ends a use. The Done that ends the last one after Close runs the
// function that Close was given, so the caller must hold no lock that this
// function takes.
func (f *FD) Done() {
	if f.state.Add(^uint64(0)) == closed {
		f.end()
	}
}

// end gives up the number, unless another use has come and gone in between
// and has done so.
func (f *FD) end() {
	if f.state.CompareAndSwap(closed, closed|gone) {
		f.last()
		CloseNumber(int(f.num))
	}
}

// Close forbids new uses and reports whether it was the first to do so. When
// the last use has ended, which may be now, last is called once and may still
// name the descriptor; then the number is closed.
func (f *FD) Close(last func()) bool {
	if !f.Use() {
		return false
	}
	defer f.Done()
	if f.state.Or(closed)&closed != 0 {
		return false // another Close came between
	}
	f.last = last // before Done: until then our own use keeps it unread
	if f.state.Load() != closed+1 {
		f.endBlocked()
	}
	return true
}

// Number returns the descriptor number, or -1 after Close.
func (f *FD) Number() int {
	if f.state.Load()&closed != 0 {
		return -1
	}
	return int(f.num)
}
