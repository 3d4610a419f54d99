package counter_test

import (
	"errors"
	"strconv"
	"testing"
)

// State says where the count is, in whatever order it was shared and exported.
func TestState(t *testing.T) {
	for place, enter := range places {
		t.Run(place, func(t *testing.T) {
			c := newCounter(t, 3)
			lock(t, c, func() { enter(t, c) })
			want := "private"
			if fd := c.FD(); fd != nil {
				want = "descriptor " + strconv.Itoa(fd.Number())
			} else if c.Shared() {
				want = "shared"
			}
			if got := c.State(); got != want {
				t.Errorf("State = %q, want %q", got, want)
			}
			end(c)
			if got := c.State(); got != "closed" {
				t.Errorf("State after Shut = %q, want closed", got)
			}
		})
	}
}

// State does not need the lock.
func TestStateUnderTheLock(t *testing.T) {
	c := newCounter(t, 3)
	lock(t, c, func() {
		if got := c.State(); got != "private" {
			t.Errorf("State = %q, want private", got)
		}
		if _, err := c.Export(false); errors.Is(err, errors.ErrUnsupported) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		if got, want := c.State(), "descriptor "+strconv.Itoa(c.FD().Number()); got != want {
			t.Errorf("State = %q, want %q", got, want)
		}
	})
}
