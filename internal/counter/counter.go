// Package counter stores the count of a Notifier or Semaphore: in Go memory, in memory shared
// with C threads, or in an eventfd. It does not know what the count means or which goroutines
// wait for it; its owner does.
package counter

import (
	"errors"
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
//   - private: at first in a state word in Go's memory.
//   - shared: from Handle on in a state word to which C threads add as well.
//   - exported: from Export on in an eventfd. What C threads still add to the
//     word is moved to the eventfd, or to a waiter.
//   - The part for which the word or the eventfd has no room is in rest, under the lock.
//
// While no flag of the word except Rung is set, all of the count is in the word, and
// Go code adds and takes there in one atomic operation, without the lock. Export
// and Handle, and everything else that a lock-free operation must not overlook, therefore set
// a flag first. An operation that began before fails, because it compares the whole
// word, and takes the lock.
//
// The fields that each call reads, those that each call writes, and the lock are on separate
// cache lines. Otherwise each call would invalidate in all other processors' caches what they
// are about to read. That holds on 64-bit systems, if 40 bytes of fields that are seldom
// written come before the Counter and the object begins on a cache line. Go's
// allocator puts objects of 192 or 256 bytes there, but not those of 160 or 176.
type Counter struct {
	word atomic.Pointer[word.Word]     // own, or the word of bell
	fd   atomic.Pointer[rawefd.FD]     // nil until Export
	bell atomic.Pointer[doorbell.Bell] // nil until Handle

	own word.Word
	// Tally is for the owner: a number on the same cache line as the word.
	Tally     atomic.Int32
	semaphore bool
	rest      uint64 // guarded by mu, like source; here because its users need the word next
	owner     Owner
	source    *poller.Source         // nil until Export; reports adds to fd
	leader    atomic.Pointer[leader] // nil before a goroutine has slept often; set under mu
	hasRest   atomic.Bool            // an exported Counter can have something in rest; see noteRest
	_         [lineSize - 3*8 - 4*ptrSize - 4]byte

	mu    sync.Mutex
	shut  atomic.Bool // changed under mu
	alike uint8       // sleeps in a row that were like the last; see leading.go
	ended bool        // End has been called
}

const (
	// lineSize is the size of a cache line on most processors.
	lineSize = 64
	ptrSize  = unsafe.Sizeof(uintptr(0))
)

// An Owner is a Notifier or Semaphore. It knows which goroutines wait for the count.
type Owner interface {
	// Serve is called with the lock held when C code, another process or the kernel has added
	// to the count, if Arm was called.
	Serve()
}

// Init makes a Counter private if fd is nil, and otherwise exported.
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

// Own returns the word of a private Counter. That of any other is held or closed.
func (c *Counter) Own() *word.Word { return &c.own }

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
		fd.Use() // cannot fail: the descriptor is closed only after Shut, and shut is false
	}
	return true
}

// Unlock undoes Lock. It can call the function that the owner has passed to FD.Close.
func (c *Counter) Unlock() {
	fd := c.fd.Load()
	c.mu.Unlock()
	if fd != nil {
		fd.Done()
	}
}

// Yield unlocks and locks again, so that other goroutines can have the lock. The descriptor stays
// open. Yield returns false after Shut: the caller must not grant anything any more, but must
// still call Unlock.
func (c *Counter) Yield() (open bool) {
	c.mu.Unlock()
	c.mu.Lock()
	return !c.shut.Load()
}

// Open reports whether Shut has not been called.
func (c *Counter) Open() bool { return !c.shut.Load() }

// Serve makes the owner serve its waiters.
func (c *Counter) Serve() {
	if c.Lock() {
		c.owner.Serve()
		c.Unlock()
	}
}

// Shut forbids Lock, and decides which adds of C threads came in time. The caller holds the lock,
// and unlocks it afterward. If there is an eventfd, the caller then closes it and calls End;
// otherwise the caller calls End immediately.
func (c *Counter) Shut() (fd *rawefd.FD) {
	// The order of Retire, Swap and closing the Bell does not matter: what was added before Swap
	// is in n, so the doorbell need not look any more, and the own word of a Counter with a Bell
	// is retired already and has no count. The word is replaced after all of them.
	n, _ := c.own.Retire()
	if b := c.bell.Load(); b != nil {
		n, _ = c.Word().Swap(word.Closed | word.Held)
		b.Close()
	}
	if fd = c.fd.Load(); fd == nil {
		c.own.Put(n) // nothing else adds to it there any more
	} else {
		c.rest += min(n, math.MaxUint64-c.rest)
		c.noteRest() // before word is stored, because Alone then looks only at hasRest
	}
	c.word.Store(&c.own)
	if fd != nil {
		c.publish() // so that other holders of the eventfd find the count there
	}
	c.shut.Store(true)
	return fd
}

// LockShut locks the Counter after Shut.
func (c *Counter) LockShut()   { c.mu.Lock() }
func (c *Counter) UnlockShut() { c.mu.Unlock() }

// End is called under LockShut when nothing can add any more. The owner then takes
// what is left, or leaves it to other holders with Leave, and wakes all its waiters.
func (c *Counter) End() {
	c.ended = true
	c.leader.Load().end()
	if fd := c.fd.Load(); fd != nil {
		c.source.Close()
		c.collect(fd)
	}
}

// LastTries is how often a system call that fails is repeated at Close. Nothing can do that later,
// so what is left after it is lost.
const LastTries = 16

// Leave is called after End. It moves what is left to the eventfd if there is room for all of it.
// Otherwise that is lost, which takes a sum past rawefd.MaxCount.
func (c *Counter) Leave() {
	fd := c.fd.Load()
	if fd == nil {
		return
	}
	err := c.fill(fd)
	for try := 0; err != nil && !errors.Is(err, rawefd.ErrFull) && try < LastTries; try++ {
		err = c.fill(fd)
	}
	c.fill(fd) // what had to be taken to make room
}

// The caller of the methods below holds the lock.

// Add adds n, or returns rawefd.ErrFull.
func (c *Counter) Add(n uint64) error {
	if fd := c.fd.Load(); fd != nil {
		err := fd.AddIfWritable(n)
		if c.collect(fd); c.rest > 0 {
			c.Retry()
		}
		return err
	}
	return c.AddUpTo(n, rawefd.MaxCount)
}

// TakeAll takes the whole count, but no more than a uint64 holds. The part in the word is
// taken from there and does not go through the eventfd. The flags do not change: if
// Ring is not set, Serve is going to be called, and sets it at its end. TakeAll returns an
// error only if it takes nothing. Otherwise Serve is called after an error.
func (c *Counter) TakeAll() (count uint64, err error) {
	if fd := c.fd.Load(); fd != nil {
		count, err = fd.Take()
	}
	rest := min(c.rest, math.MaxUint64-count)
	c.rest -= rest
	count += rest
	count += c.Word().TakeUpTo(math.MaxUint64 - count)
	c.took(count)
	if count > 0 && err != nil {
		err = nil
		c.Retry() // otherwise nothing might take the part in the eventfd
	}
	return count, err
}

// Take takes n or nothing, and reports whether it took n. It returns an error if a
// system call failed, unless that was because the count is too small.
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

// Count returns the count. The sum is right because nothing moves between its parts while the
// lock is held.
func (c *Counter) Count() (count uint64, err error) {
	if fd := c.fd.Load(); fd != nil {
		if count, err = fd.Count(); err != nil {
			return 0, err
		}
	}
	count += min(c.rest, math.MaxUint64-count)
	return count + min(c.Word().Count(), math.MaxUint64-count), nil
}

// Sleep sets the word's flags so that an add that raises the count to enough wakes the
// owner. If held is true, nothing can be taken from the word without the lock either.
// Sleep returns false if the count has already reached enough.
func (c *Counter) Sleep(enough uint64, held bool) bool {
	if c.fd.Load() != nil {
		c.publish()
		return true // the eventfd makes an edge
	}
	return c.rest < enough && c.Word().Sleep(enough-c.rest, word.Ring|c.held(held))
}

// Wake sets the word's flags so that no add wakes the owner.
func (c *Counter) Wake() {
	if c.fd.Load() != nil {
		c.publish()
		return
	}
	c.Word().Sleep(math.MaxUint64, c.held(false))
}
