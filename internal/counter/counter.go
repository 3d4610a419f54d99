// Package counter keeps a count, wherever it is at the moment, for an owner who
// knows what it means and who waits for it.
package counter

import (
	"math"
	"sync"
	"sync/atomic"

	"github.com/eventchan/eventchan/internal/poller"
	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/word"
)

// A Counter is a count of at most rawefd.MaxCount, and the lock of its owner.
//
// Where the count is:
//
//   - At first in a word in Go's memory: the Counter is private.
//   - From Handle on in a word that C threads add to as well.
//   - From Export on in an eventfd. Whatever C threads still add to the word moves
//     there, or to somebody who waits.
//   - What no word has room for is in rest, under the lock.
//
// While no flag of the word is set, all of it is in the word: whoever wants to add
// or take does so there in one atomic step, without the lock. So Export and Handle,
// and everything else that a lock-free step must not overlook, set a flag first;
// a step that began before fails, since it compares the whole word, and goes to
// the lock.
type Counter struct {
	word atomic.Pointer[word.Word] // own, or slot's
	fd   atomic.Pointer[rawefd.FD] // nil until Export
	own  word.Word

	mu        sync.Mutex
	shut      bool
	semaphore bool
	rest      uint64
	owner     Owner
	outside   *poller.Source         // tells of adds to fd
	inside    atomic.Pointer[inside] // nil until Handle
}

// An Owner knows who waits for the count.
type Owner interface {
	// Serve is called with the lock held when somebody outside has added to the
	// count, if Arm was called.
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

// Word returns the word, for lock-free steps.
func (c *Counter) Word() *word.Word { return c.word.Load() }

// FD returns the eventfd, or nil while it is not exported. Who names it without
// the lock needs a use of it.
func (c *Counter) FD() *rawefd.FD { return c.fd.Load() }

// Shared reports whether C threads have a handle.
func (c *Counter) Shared() bool { return c.inside.Load() != nil }

// Private reports whether nobody outside can add. The caller holds the lock.
func (c *Counter) Private() bool { return !c.Shared() && c.fd.Load() == nil }

// Alone returns the eventfd if it holds all of the count, whatever comes, and no
// word does.
func (c *Counter) Alone() *rawefd.FD {
	if c.Word() != &c.own {
		return nil
	}
	return c.fd.Load()
}

// Lock locks the Counter and keeps the descriptor open until Unlock. After Shut
// it does nothing and returns false.
func (c *Counter) Lock() bool {
	c.mu.Lock()
	if c.shut {
		c.mu.Unlock()
		return false
	}
	if fd := c.fd.Load(); fd != nil {
		fd.Use() // which is allowed: Shut comes before the descriptor is closed
	}
	return true
}

// Unlock undoes Lock. It may call the function that the owner gave to FD.Close.
func (c *Counter) Unlock() {
	fd := c.fd.Load()
	c.mu.Unlock()
	if fd != nil {
		fd.Done()
	}
}

// The caller of the methods below holds the lock.

// Add adds n, or returns rawefd.ErrFull.
func (c *Counter) Add(n uint64) error {
	if fd := c.fd.Load(); fd != nil {
		return fd.Add(n)
	}
	if c.rest == 0 && c.Word().AddHeld(n) {
		return nil
	}
	c.gather()
	defer c.spread()
	if c.rest > rawefd.MaxCount || n > rawefd.MaxCount-c.rest {
		return rawefd.ErrFull
	}
	c.rest += n
	return nil
}

// TakeAll takes the whole count, but no more than a uint64 holds.
func (c *Counter) TakeAll() (count uint64, err error) {
	if fd := c.fd.Load(); fd != nil {
		c.publish()
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

// Take takes n or nothing, and reports whether it did.
func (c *Counter) Take(n uint64) bool {
	if fd := c.fd.Load(); fd != nil {
		c.publish()
		return c.takeSingly(fd, n)
	}
	if c.rest == 0 {
		took := c.Word().TakeHeld(n)
		if took {
			c.took(n)
		}
		return took
	}
	c.gather()
	defer c.spread()
	if c.rest < n {
		return false
	}
	c.rest -= n
	return true
}

// takeSingly takes n from an eventfd in semaphore mode, which hands out one a
// read, or puts back what it got. That fails only if others have filled it up
// meanwhile, and who has 2^64 permits will not miss these.
func (c *Counter) takeSingly(fd *rawefd.FD, n uint64) bool {
	for taken := uint64(0); taken < n; taken++ {
		if got, err := fd.Take(); err != nil || got != 1 {
			if taken > 0 {
				fd.Add(taken)
			}
			return false
		}
	}
	return true
}

// Count returns the count.
func (c *Counter) Count() (count uint64, err error) {
	if fd := c.fd.Load(); fd != nil {
		c.publish()
		if count, err = fd.Count(); err != nil {
			return 0, err
		}
	}
	count += min(c.rest, math.MaxUint64-count)
	return count + min(c.Word().Count(), math.MaxUint64-count), nil
}

// Sleep says in the word that the owner waits for an add that brings the count
// to enough, and, if held, that nobody shall take from it without the lock. It
// returns false if the count is there already.
func (c *Counter) Sleep(enough uint64, held bool) bool {
	if c.fd.Load() != nil {
		c.publish()
		return true // the eventfd makes an edge
	}
	if in := c.inside.Load(); in != nil && in.stay(enough, c.held(held)) {
		return true
	}
	return c.rest < enough && c.Word().Sleep(enough-c.rest, word.Ring|c.held(held))
}

// Wake says in the word that the owner waits for nothing.
func (c *Counter) Wake() {
	if c.fd.Load() != nil {
		c.publish()
		return
	}
	c.Word().Sleep(math.MaxUint64, c.held(false))
}

func (c *Counter) held(held bool) uint64 {
	if held || c.rest > 0 {
		return word.Held
	}
	return 0
}

// put fills the private word.
func (c *Counter) put(count uint64) {
	c.own.Store(0, word.Held)
	c.rest = count
	c.spread()
	c.Wake()
}

// gather moves the count from the word to rest.
func (c *Counter) gather() {
	c.Word().Set(word.Held)
	c.rest += c.Word().TakeUpTo(math.MaxUint64 - c.rest)
}

// spread moves it back if it has room there.
func (c *Counter) spread() {
	if c.Word().AddHeld(c.rest) {
		c.rest = 0
	}
}

// publish moves what is in the word to the eventfd, where those outside see it,
// and has C threads ring for whatever they add later.
func (c *Counter) publish() {
	if !c.Shared() && c.rest == 0 {
		return
	}
	fd := c.fd.Load()
	for {
		c.rest += c.Word().TakeUpTo(math.MaxUint64 - c.rest)
		if n := min(c.rest, rawefd.MaxCount); n > 0 && fd.Add(n) == nil {
			c.rest -= n
		}
		if c.rest == math.MaxUint64 || c.Word().Sleep(1, word.Ring|word.Held) {
			return
		}
	}
}
