package counter

import (
	"math"

	"github.com/eventchan/eventchan/internal/poller"
	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/word"
)

// FD returns the eventfd, or nil while there is none. A caller without the lock must call its
// Use before it uses the descriptor.
func (c *Counter) FD() *rawefd.FD { return c.fd.Load() }

// Alone returns the eventfd if it has all of the count. It returns nil if something is in rest, or if
// C threads have a handle.
func (c *Counter) Alone() *rawefd.FD {
	if c.Word() != &c.own || c.hasRest.Load() {
		return nil
	}
	return c.fd.Load()
}

// Export moves the count to an eventfd, unless it is there already. armed says whether a
// goroutine is waiting; if so, events of the new eventfd are delivered to it. On error nothing
// has changed. The caller holds the lock.
func (c *Counter) Export(armed bool) (*rawefd.FD, error) {
	if fd := c.fd.Load(); fd != nil {
		return fd, nil
	}
	fd, err := rawefd.New(0, c.semaphore)
	if err != nil {
		return nil, err
	}
	c.watch(fd)
	if armed {
		if err := c.source.Arm(); err != nil {
			c.source = nil
			rawefd.CloseNumber(fd.Number())
			return nil, err
		}
	}
	fd.Use() // Unlock ends it
	c.gather()
	c.fill(fd) // before c.fd is set, because others would find fd empty
	c.fd.Store(fd)
	if b := c.bell.Load(); b != nil {
		b.Await() // for good, because what C threads add must move to fd
	}
	c.publish()
	return fd, nil
}

func (c *Counter) watch(fd *rawefd.FD) {
	s := poller.NewSource(fd.Number(), (*reader)(c))
	c.source = &s
}

// A reader is a Counter as a Handler of the poller.
type reader Counter

func (r *reader) Ready() { (*Counter)(r).Serve() }

// The caller of the methods below holds the lock.

// publish moves the count from the word to the eventfd, where other holders see it, and makes
// C threads ring for what they add later. The flags are set first: a thread that adds while the
// count moves rings, and publish is called again. Otherwise a stream could keep publish moving,
// with the lock held. The count stays in rest until the eventfd has room for all of it.
func (c *Counter) publish() {
	if !c.Shared() && c.rest == 0 {
		c.noteRest()
		return
	}
	c.Word().Sleep(math.MaxUint64, word.Ring|word.Held)
	c.rest += c.Word().TakeUpTo(math.MaxUint64 - c.rest)
	c.fill(c.fd.Load())
	if c.rest > 0 {
		c.source.Retry()
	}
}

// fill moves rest, or rawefd.MaxCount of it, to the eventfd if there is room for all of that.
func (c *Counter) fill(fd *rawefd.FD) error {
	n := min(c.rest, rawefd.MaxCount)
	if n == 0 {
		return nil
	}
	err := fd.AddIfWritable(n)
	if err == nil {
		c.rest -= n
	}
	c.collect(fd)
	return err
}

// collect moves to rest what had to be taken from the eventfd to make room.
func (c *Counter) collect(fd *rawefd.FD) {
	c.rest += min(fd.Taken(), math.MaxUint64-c.rest)
	c.noteRest()
}

// noteRest makes hasRest say whether something is in rest, so that calls without the lock do not overlook it.
// After a change that leaves less in rest it can come later.
func (c *Counter) noteRest() {
	if has := c.rest > 0; has != c.hasRest.Load() {
		c.hasRest.Store(has)
	}
}

// takeSingly takes n from rest and, one per read, from an eventfd in semaphore mode. If there are
// fewer, it puts back what it got and returns false.
func (c *Counter) takeSingly(fd *rawefd.FD, n uint64) (bool, error) {
	fromRest := min(c.rest, n)
	c.rest -= fromRest
	for taken := fromRest; taken < n; taken++ {
		if got, err := fd.Take(); err != nil || got != 1 {
			c.PutBack(taken)
			return false, err
		}
	}
	return true, nil
}

// PutBack adds what was taken before. If that fails, because other holders have filled the eventfd in
// between or a system call fails, PutBack keeps n in rest and adds it later.
func (c *Counter) PutBack(n uint64) {
	if n > 0 && c.Add(n) != nil {
		c.Keep(n)
	}
}

// Keep keeps n, which cannot be added now, in rest. After Shut, Leave adds it.
func (c *Counter) Keep(n uint64) {
	c.rest += min(n, math.MaxUint64-c.rest)
	c.noteRest()
	c.Retry()
}
