package bridge_test

import (
	"testing"

	"github.com/eventchan/eventchan/bridge"
)

// A Wait that has found the Watcher open, and joins the others after Close, does not sleep.
func TestJoinAfterCloseIsWoken(t *testing.T) {
	w := mustWatch(t, newTube(t).r, bridge.Readable)
	w.Close()
	select {
	case <-bridge.Join(w):
	default:
		t.Error("a Wait that joins after Close sleeps, want it to return")
	}
}

// What the poller finds while Close is on its way to the poller reaches nothing.
func TestLevelAfterCloseIsIgnored(t *testing.T) {
	w := mustWatch(t, newTube(t).r, bridge.Readable)
	woken := bridge.Join(w)
	w.Close()
	if bridge.Level(w, bridge.Readable) {
		t.Error("Level = true after Close, want false: no Wait is left")
	}
	<-woken
}
