package counter

import "strconv"

// State returns where the count is, as text: "private", "shared", "descriptor 7" or
// "closed". It takes no lock, so it can be called from anywhere, even with the owner's
// lock held.
func (c *Counter) State() string {
	if c.shut.Load() {
		return "closed"
	}
	if fd := c.fd.Load(); fd != nil {
		if num := fd.Number(); num >= 0 {
			return "descriptor " + strconv.Itoa(num)
		}
		return "closed"
	}
	if c.Shared() {
		return "shared"
	}
	return "private"
}
