// Package rawefd owns eventfds: it creates, adopts, adds to, takes from,
// inspects and closes them. It is the only package that depends on the
// operating system. On systems without eventfd(2), every function that makes an FD
// returns an error matching [errors.ErrUnsupported].
package rawefd

import (
	"errors"
	"sync"
	"sync/atomic"
)

// MaxCount is the largest value to which Add can raise the count. Only the kernel itself can
// raise it further, to MaxCount+1.
const MaxCount = 1<<64 - 2

// ErrFull is returned by Add if the count would exceed MaxCount.
var ErrFull = errors.New("sum exceeds the maximum count")

// ErrNotPollable is returned (wrapped) by Epoll.Add for a file that epoll refuses.
var ErrNotPollable = errors.New("epoll cannot watch this kind of file")

// An FD is one eventfd together with the number of calls that use it now.
//
// After close(2), the kernel can give the same descriptor number to the next file that any thread
// opens, and a write that is still in progress would go to that unrelated file. Before using the
// number, call Use:
//
//	if !f.Use() { return os.ErrClosed }
//	err := f.Add(1)
//	f.Done()
//
// Close only forbids new uses. The call that ends the last use closes the descriptor. Therefore
// Close never waits, and no call uses a number that does not refer to this eventfd any more.
type FD struct {
	// state holds the closed bit, the gone bit and the number of uses.
	//
	// Why this is right: Use adds 1 and reads the closed bit in one atomic
	// operation. A use that saw the bit unset was therefore counted before the bit
	// was set, and the descriptor cannot be closed before its Done. A use that
	// saw the bit set is counted too, for an instant; its own Done takes that
	// back and can be the one that finds no other use left. After Close the
	// count can therefore reach 0 several times. The call whose CompareAndSwap
	// sets the gone bit closes the descriptor. With the gone bit set, the state
	// never equals closed again, so the descriptor is closed exactly once.
	state atomic.Uint64

	num      int32
	blocking bool // O_NONBLOCK was off when the descriptor was adopted
	left     bool // a read that Take has left behind is blocked; guarded by looking
	slow     bool // TryAdd leaves all adding to Add: blocking is set, or a test has set a Hook

	// looking is held from a poll to the read or write that depends on its result, so that
	// the two are one operation among the goroutines of this process.
	looking sync.Mutex

	last func() // the function that was passed to Close
}

const (
	closed = 1 << 63
	gone   = 1 << 62
)

// Use begins a use of the descriptor and returns true. After Close it returns false.
// Each Use that returned true must be followed by one Done.
func (f *FD) Use() bool {
	if f.state.Add(1)&closed != 0 {
		return f.refuse()
	}
	return true
}

// refuse is the slow path of Use, after Close: it undoes the counting. It is a separate
// function so that Use can be inlined.
//
//go:noinline
func (f *FD) refuse() bool {
	f.Done()
	return false
}

// Done ends a use. The Done that ends the last use after Close calls the
// function that was passed to Close, so the caller must not hold a lock that this
// function takes.
func (f *FD) Done() {
	if f.state.Add(^uint64(0)) == closed {
		f.end()
	}
}

// end closes the descriptor, unless another use has begun and ended in between
// and has closed it.
func (f *FD) end() {
	if f.state.CompareAndSwap(closed, closed|gone) {
		f.last()
		CloseNumber(int(f.num))
	}
}

// Close forbids new uses and reports whether it was the first Close. Once the
// last use has ended, possibly before Close returns, last is called once. It can still
// use the descriptor, which is closed after it.
func (f *FD) Close(last func()) bool {
	if !f.Use() {
		return false
	}
	defer f.Done()
	if f.state.Or(closed)&closed != 0 {
		return false // another Close was first
	}
	f.last = last // before Done, because this use keeps end from reading it until then
	if f.state.Load() != closed+1 {
		f.endBlocked()
	}
	return true
}

// ErrCrowded is returned by Add if so many calls of the process are in progress that another one must not
// block. Nothing was added. The owner then adds with AddIfWritable, under its lock.
var ErrCrowded = errors.New("many calls are in progress")

// mostBeside is how many calls of Add in the process, beside one for each FD, can be writes that other
// holders of eventfds block (see blocked_linux.go). Each of them keeps a thread, of which the runtime allows
// 10,000, and a container perhaps 100.
const mostBeside = 32

// beside is the number of those calls. One that is alone is not counted, so that calls for different
// eventfds share no cache line.
var beside atomic.Int32

// Alone reports whether the caller, which is between Use and Done, is the only one.
func (f *FD) Alone() bool { return uint32(f.state.Load()) == 1 }

// Number returns the descriptor number, or -1 after Close.
func (f *FD) Number() int {
	if f.state.Load()&closed != 0 {
		return -1
	}
	return int(f.num)
}
