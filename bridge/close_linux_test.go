package bridge_test

import (
	"os"
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

// An invalid argument is reported even after Close.
func TestInvalidArgumentsAfterClose(t *testing.T) {
	p := newTube(t)
	w, s := mustWatch(t, p.r, bridge.Readable), mustSet[int](t)
	mustAddTo(t, s, p.r, bridge.Readable, 0)
	w.Close()
	s.Close()
	//lint:ignore SA1012 a nil ctx is the bad input under test
	_, wait := w.Wait(nil)
	//lint:ignore SA1012 a nil ctx is the bad input under test
	_, setWait := s.Wait(nil, nil)
	for call, err := range map[string]error{
		"Watcher.Wait":        wait,
		"Watcher.Change":      w.Change(1 << 10),
		"Set.Wait":            setWait,
		"Set.Add of fd -1":    s.Add(-1, 0, 0),
		"Set.Add of bad bits": s.Add(p.r, 1<<10, 0),
		"Set.Change":          s.Change(p.r, 1<<10),
	} {
		wantIs(t, call, err, os.ErrInvalid)
	}
}
