// Package counter keeps a count, wherever it is at the moment, for an owner that
// knows what the count means and which goroutines wait for it.
package counter

import (
	"math"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/eventchan/eventchan/internal/doorbell"
	"github.com/eventchan/eventchan/internal/poller"
	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/word"
)

// A Counter is a count of at most rawefd.MaxCount, and the lock of its owner.
//
// Where the count is:
//
//   - private: at first in a word in Go's memory.
//   - shared: from Handle on in a word that C threads add to as well.
//   - exported: from Export on in an eventfd. Whatever C threads still add to the
//     word moves there, or to a waiter.
//   - What no word has room for is in rest, under the lock.
//
// While no flag of the word but Rung is set, all of the count is in the word, and
// Go code adds and takes there in one atomic operation, without the lock. So Export
// and Handle, and everything else that a lock-free operation must not overlook, set
// a flag first. An operation that began before fails, since it compares the whole
// word, and goes to the lock.
//
// What each call reads, what each call writes, and the lock stand on cache lines of
// their own: otherwise each call would take away from all other processors what they are
// about to read. That holds on 64-bit systems, where 40 bytes of fields that are seldom
// written stand before the Counter, and where the object begins on a cache line. Go's
// allocator puts one of 192 or 256 bytes there, and none of 160 or 176.
type Counter struct {
	word atomic.Pointer[word.Word]     // own, or that of bell
	fd   atomic.Pointer[rawefd.FD]     // nil until Export
	bell atomic.Pointer[doorbell.Bell] // nil until Handle

	own word.Word
	// Tally is for the owner: a number to write where the word was written.
	Tally     atomic.Int32
	semaphore bool
	rest      uint64 // guarded by mu, as is source; the word is needed next in any case
	owner     Owner
	source    *poller.Source // nil until Export; reports adds to fd
	_         [lineSize - 3*8 - 3*ptrSize]byte

	mu   sync.Mutex
	shut atomic.Bool // changed under mu
}

const (
	// lineSize is the size of a cache line on most processors.
	lineSize = 64
	ptrSize  = unsafe.Sizeof(uintptr(0))
)

// An Owner knows which goroutines wait for the count.
type Owner interface {
	// Serve is called with the lock held when something other than Go code of this
	// process has added to the count, if Arm was called.
	Serve()
}

// Init makes a Counter private, or exported if there is an fd already.
func (c *Counter) Init(count uint64, semaphore bool, fd *rawefd.FD, owner Owner) {
	c.semaphore, c.owner = semaphore, owner
	c.word.Store(&c.own)
	if fd == nil {
		c.put(count)
		return
	}
	c.own.Store(0, word.Held)
	c.watch(fd)
	c.fd.Store(fd)
}

// Word returns the word, for lock-free operations.
func (c *Counter) Word() *word.Word { return c.word.Load() }

// Shared reports whether C threads have a handle.
func (c *Counter) Shared() bool { return c.bell.Load() != nil }

// Private reports whether only Go code can add. The caller holds the lock.
func (c *Counter) Private() bool { return !c.Shared() && c.fd.Load() == nil }

// Lock locks the Counter and keeps the descriptor open until Unlock. After Shut
// it does nothing and returns false.
func (c *Counter) Lock() bool {
	c.mu.Lock()
	if c.shut.Load() {
		c.mu.Unlock()
		return false
	}
	if fd := c.fd.Load(); fd != nil {
		fd.Use() // which is allowed: Shut comes before the descriptor is closed
	}
	return true
}

// Unlock undoes Lock. It can call the function that the owner gave to FD.Close.
func (c *Counter) Unlock() {
	fd := c.fd.Load()
	c.mu.Unlock()
	if fd != nil {
		fd.Done()
	}
}

// Yield lets others have the lock, while the descriptor stays open. It returns false
// after Shut. Then the caller grants nothing any more, but still calls Unlock.
func (c *Counter) Yield() (open bool) {
	c.mu.Unlock()
	c.mu.Lock()
	return !c.shut.Load()
}

// Open reports whether Shut has not been called.
func (c *Counter) Open() bool { return !c.shut.Load() }

// Serve has the owner serve its waiters.
func (c *Counter) Serve() {
	if c.Lock() {
		c.owner.Serve()
		c.Unlock()
	}
}

// Shut forbids Lock, decides which adds of C threads came in time, and reports
// whether it was the first to do so. The caller does not hold the lock. If there
// is an eventfd, the caller closes it and then calls End; otherwise the caller
// calls End right away.
func (c *Counter) Shut() (fd *rawefd.FD, first bool) {
	if !c.Lock() {
		return nil, false
	}
	defer c.Unlock()
	// The Bell could be closed, or the word replaced, before Swap as well: whatever was added
	// before Swap is in n, so a signal needs no look, and the own word of a Counter that has
	// a Bell is closed already.
	n, _ := c.Word().Swap(word.Closed | word.Held)
	c.own.Store(n, word.Closed|word.Held) // where nothing adds to it any more
	c.word.Store(&c.own)
	if fd = c.fd.Load(); fd != nil {
		c.publish() // what other holders of it are to find there
	}
	if b := c.bell.Load(); b != nil {
		b.Close()
	}
	c.shut.Store(true)
	return fd, true
}

// LockShut locks the Counter after Shut.
func (c *Counter) LockShut()   { c.mu.Lock() }
func (c *Counter) UnlockShut() { c.mu.Unlock() }

// End is called under LockShut when nothing can add any more. The owner then takes
// what is left, or leaves it to others by Leave, and wakes all its waiters.
func (c *Counter) End() {
	if fd := c.fd.Load(); fd != nil {
		c.source.Close()
		c.rest += min(fd.Taken(), math.MaxUint64-c.rest)
	}
}

// Leave moves what is left to the eventfd, as much as it holds, after End.
func (c *Counter) Leave() {
	if fd := c.fd.Load(); fd != nil {
		c.fill(fd)
	}
}

// The caller of the methods below holds the lock.

// Add adds n, or returns rawefd.ErrFull.
func (c *Counter) Add(n uint64) error {
	if fd := c.fd.Load(); fd != nil {
		return fd.AddIfWritable(n)
	}
	return c.AddUpTo(n, rawefd.MaxCount)
}

// TakeAll takes the whole count, but no more than a uint64 holds. What is in the word is
// taken from there, and does not go through the eventfd. The flags stay as they are: if
// Ring is not set, Serve is going to be called, whose last step sets it.
func (c *Counter) TakeAll() (count uint64, err error) {
	if fd := c.fd.Load(); fd != nil {
		if count, err = fd.Take(); err != nil {
			return 0, err
		}
	}
	rest := min(c.rest, math.MaxUint64-count)
	c.rest -= rest
	count += rest
	count += c.Word().TakeUpTo(math.MaxUint64 - count)
	c.took(count)
	return count, nil
}

// Take takes n or nothing, and reports whether it did. It returns an error if a
// system call failed for another reason than that there is too little.
func (c *Counter) Take(n uint64) (took bool, err error) {
	if fd := c.fd.Load(); fd != nil {
		c.publish()
		took, err = c.takeSingly(fd, n)
	} else {
		took = c.takeFromWord(n)
	}
	if took {
		c.took(n)
	}
	return took, err
}

// Count returns the count. What is in the word stays there: nothing moves between the two
// parts of the sum, since the lock is held.
func (c *Counter) Count() (count uint64, err error) {
	if fd := c.fd.Load(); fd != nil {
		if count, err = fd.Count(); err != nil {
			return 0, err
		}
	}
	count += min(c.rest, math.MaxUint64-count)
	return count + min(c.Word().Count(), math.MaxUint64-count), nil
}

// Sleep leaves in the word that the owner waits for an add that brings the count
// to enough, and, if held, that nothing is to be taken from it without the lock.
// It returns false if the count is there already.
func (c *Counter) Sleep(enough uint64, held bool) bool {
	if c.fd.Load() != nil {
		c.publish()
		return true // the eventfd makes an edge
	}
	return c.rest < enough && c.Word().Sleep(enough-c.rest, word.Ring|c.held(held))
}

// Wake leaves in the word that the owner waits for nothing.
func (c *Counter) Wake() {
	if c.fd.Load() != nil {
		c.publish()
		return
	}
	c.Word().Sleep(math.MaxUint64, c.held(false))
}
