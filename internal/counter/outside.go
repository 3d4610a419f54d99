package counter

import (
	"github.com/eventchan/eventchan/internal/poller"
	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/word"
)

// Export moves the count to an eventfd, unless it is there already. If somebody
// waits, armed tells, and the events of that eventfd will reach him. On error
// nothing has changed. The caller holds the lock.
func (c *Counter) Export(armed bool) (*rawefd.FD, error) {
	if fd := c.fd.Load(); fd != nil {
		return fd, nil
	}
	fd, err := rawefd.New(0, c.semaphore)
	if err != nil {
		return nil, err
	}
	c.watch(fd)
	if err := arm(armed, c.outside); err != nil {
		rawefd.CloseNumber(fd.Number())
		return nil, err
	}
	if in := c.inside.Load(); in != nil {
		if err := in.ring.Arm(); err != nil {
			c.outside.Close()
			rawefd.CloseNumber(fd.Number())
			return nil, err
		}
	}
	fd.Use() // Unlock ends it
	c.gather()
	c.fd.Store(fd)
	c.publish()
	return fd, nil
}

func (c *Counter) watch(fd *rawefd.FD) {
	s := poller.NewSource(fd.Number(), c)
	c.outside = &s
}

func arm(wanted bool, s *poller.Source) error {
	if !wanted {
		return nil
	}
	return s.Arm()
}

// Ready has the owner serve those who wait.
func (c *Counter) Ready(bool) {
	if c.Lock() {
		c.owner.Serve()
		c.Unlock()
	}
}

// Arm has Serve called for whatever is added from outside from now on, and soon
// if there is something. A private Counter needs it not: Go code that adds does
// what is needed. The caller holds the lock.
func (c *Counter) Arm() error {
	if err := arm(c.fd.Load() != nil, c.outside); err != nil || !c.Shared() {
		return err
	}
	return c.inside.Load().ring.Arm()
}

// MustArm is Arm for owners that have nobody to tell an error: then Serve is
// called after a while, so that it may try again.
func (c *Counter) MustArm() {
	if c.fd.Load() != nil {
		c.outside.MustArm()
	}
	if in := c.inside.Load(); in != nil {
		in.ring.MustArm()
	}
}

// Disarm stops the events of the eventfd. The doorbell makes none unless the word
// says that somebody sleeps.
func (c *Counter) Disarm() {
	if c.fd.Load() != nil {
		c.outside.Disarm()
	}
}

// Shut forbids Lock, decides which adds of C threads came in time, and reports
// whether it was the first to do so. The caller does not hold the lock. If there
// is an eventfd, he closes it; when that is done, or at once if there is none, he
// calls End.
func (c *Counter) Shut() (fd *rawefd.FD, first bool) {
	if !c.Lock() {
		return nil, false
	}
	defer c.Unlock()
	n, _ := c.Word().Swap(word.Closed | word.Held)
	c.own.Store(n, word.Closed|word.Held) // where nobody adds to it any more
	c.word.Store(&c.own)
	if fd = c.fd.Load(); fd != nil {
		c.publish() // what others who hold it shall find there
	}
	if in := c.inside.Load(); in != nil {
		in.ring.Close()
		in.slot.Leave()
	}
	c.shut = true
	return fd, true
}

// LockShut locks the Counter after Shut.
func (c *Counter) LockShut()   { c.mu.Lock() }
func (c *Counter) UnlockShut() { c.mu.Unlock() }

// End is called under LockShut when nobody can add any more. The owner then takes
// what is left and wakes everybody.
func (c *Counter) End() {
	if c.fd.Load() != nil {
		c.outside.Close()
	}
}
