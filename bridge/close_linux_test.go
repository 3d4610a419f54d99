package bridge_test

import (
	"testing"

	"github.com/eventchan/eventchan/bridge"
)

// A Wait that found the Watcher open but joins the round after Close does not block.
func TestJoinAfterCloseIsWoken(t *testing.T) {
	w := mustWatch(t, newTube(t).r, bridge.Readable)
	w.Close()
	select {
	case <-bridge.Join(w):
	default:
		t.Error("a Wait that joins after Close blocks, want it to return")
	}
}

// An event that the poller finds between Close and the end of the watch wakes nothing.
func TestLevelAfterCloseIsIgnored(t *testing.T) {
	w := mustWatch(t, newTube(t).r, bridge.Readable)
	woken := bridge.Join(w)
	w.Close()
	if bridge.Level(w, bridge.Readable) {
		t.Error("Level = true after Close, want false: no Wait is left")
	}
	<-woken
}
