package notify

import (
	"context"
	"testing"
)

// Once a leader has received, it does not look at its place any more, because another waiter can use it.
func TestServedLeaderReceivesNoMore(t *testing.T) {
	l := &leader{place: newPlace(), ctx: context.Background()}
	if l.done() {
		t.Error("the leader is done before it was served")
	}
	l.place.Value <- 3
	if !l.done() || l.count != 3 {
		t.Errorf("the leader has %d, want 3", l.count)
	}
	l.place.Value <- 5
	if !l.done() || l.count != 3 || len(l.place.Value) != 1 {
		t.Errorf("the leader has %d, want 3: it took the count of another waiter", l.count)
	}
}
