package counter

import "github.com/eventchan/eventchan/internal/lead"

// Two things report what is added outside: the poller, to an eventfd, and the doorbell,
// to a word that C threads have a handle of. A private Counter needs neither, because Go
// code that adds does what is needed. The caller of the methods below holds the lock.

// Arm has Serve called for whatever is added outside from now on, and soon if something
// is there already, since goroutines wait for the count.
func (c *Counter) Arm() error {
	err := c.Prepare()
	if err == nil {
		c.Lead(nil)
	}
	return err
}

// Prepare is Arm for an owner that then calls Lead.
func (c *Counter) Prepare() error {
	if c.source != nil {
		return c.source.Prepare()
	}
	if b := c.bell.Load(); b != nil {
		b.Prepare()
	}
	return nil
}

// Lead reports whether l, which is about to sleep, is woken directly. It is if l is not
// nil, nothing else sleeps, and it does not have to wait for both at once.
func (c *Counter) Lead(l *lead.Leader) bool {
	b := c.bell.Load()
	if c.source != nil && b != nil {
		l = nil
	}
	switch {
	case c.source != nil:
		return c.source.Lead(l)
	case b != nil:
		return b.Lead(l)
	}
	return false
}

// MustArm is Arm for owners that cannot return an error: then Serve is called after
// a while, so that it can try again.
func (c *Counter) MustArm() {
	if c.source != nil {
		c.source.MustArm()
	} else {
		c.Arm()
	}
}

// Armed reports whether the poller reports what is added to the eventfd.
func (c *Counter) Armed() bool { return c.source != nil && c.source.Armed() }

// Retry has Serve called after a while, because something failed that may succeed
// later.
func (c *Counter) Retry() {
	if c.source != nil {
		c.source.Retry()
	}
}

// Rest says that no goroutine waits for the count now. Serve may still be called.
func (c *Counter) Rest() {
	if c.source != nil {
		c.source.Rest()
	} else if b := c.bell.Load(); b != nil {
		b.Rest()
	}
}

// Disarm is Rest, and stops what Arm has started: the next Arm costs a system call, if
// there is an eventfd, but signals in between wake nothing.
func (c *Counter) Disarm() {
	if c.source != nil {
		c.source.Disarm()
	} else {
		c.Rest()
	}
}
