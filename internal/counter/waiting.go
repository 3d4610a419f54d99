package counter

import "github.com/eventchan/eventchan/internal/lead"

// The poller reports what is added to an eventfd, and the doorbell reports what C threads add to
// a shared word. A private Counter needs neither, because Go code that adds also wakes the
// waiters. The caller of the methods below holds the lock.

// Arm is called when goroutines wait for the count. It makes Serve be called after each add of C
// code, another process or the kernel from now on, and soon if the count is not 0 already.
func (c *Counter) Arm() error {
	err := c.Prepare()
	if err == nil {
		c.man(nil)
	}
	return err
}

// Prepare is Arm without a goroutine that waits for events. The owner then calls Lead.
func (c *Counter) Prepare() error {
	if c.source != nil {
		return c.source.Prepare()
	}
	if b := c.bell.Load(); b != nil {
		b.Prepare()
	}
	return nil
}

// man reports whether l, which is about to sleep, leads (see package lead). It can lead if it is
// not nil and nothing else sleeps.
func (c *Counter) man(l *lead.Leader) bool {
	if c.source != nil {
		return c.source.Lead(l)
	}
	b := c.bell.Load()
	return b != nil && b.Lead(l)
}

// MustArm is Arm for owners that cannot return an error. If arming fails, Serve is called after
// a delay, so that the owner can try again.
func (c *Counter) MustArm() {
	if c.source != nil {
		c.source.MustArm()
	} else {
		c.Arm()
	}
}

// Armed reports whether the poller reports what is added to the eventfd.
func (c *Counter) Armed() bool { return c.source != nil && c.source.Armed() }

// needed reports whether a goroutine, or C, waits.
func (c *Counter) needed() bool {
	if c.source != nil {
		return c.source.Needed()
	}
	b := c.bell.Load()
	return b != nil && b.Needed()
}

// Retry makes Serve be called after a delay, because something has failed that might succeed
// later.
func (c *Counter) Retry() {
	if c.source != nil {
		c.source.Retry()
	}
}

// Rest is called when no goroutine waits for the count any more. Serve can still be called.
func (c *Counter) Rest() {
	if c.source != nil {
		c.source.Rest()
	} else if b := c.bell.Load(); b != nil {
		b.Rest()
	}
}

// Disarm is Rest, and also undoes Arm. If there is an eventfd, the next Arm costs a system call,
// but signals in between wake nothing.
func (c *Counter) Disarm() {
	if c.source != nil {
		c.source.Disarm()
	} else {
		c.Rest()
	}
}
