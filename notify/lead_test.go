package notify

import (
	"context"
	"testing"
)

// A place is free for another waiter once its leader has received.
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
		t.Errorf("the leader has %d, want 3: it took what another waiter was to get", l.count)
	}
}
