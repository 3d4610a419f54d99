//go:build !linux

package bridge_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/eventchan/eventchan/bridge"
)

func TestWatchIsUnsupported(t *testing.T) {
	for range 2 {
		w, err := bridge.Watch(7, bridge.Readable)
		if w != nil {
			t.Error("Watch returns a Watcher, want none")
		}
		if !errors.Is(err, errors.ErrUnsupported) || !strings.HasPrefix(err.Error(), "bridge: Watch(7): epoll") {
			t.Errorf("Watch = %v, want an error of bridge that matches errors.ErrUnsupported and names the call", err)
		}
	}
}

func TestSetIsUnsupported(t *testing.T) {
	s, err := bridge.NewSet[int]()
	if s != nil || !errors.Is(err, errors.ErrUnsupported) || !strings.HasPrefix(err.Error(), "bridge: NewSet: epoll") {
		t.Errorf("NewSet = %v, %v; want an error of bridge that matches errors.ErrUnsupported and names the call", s, err)
	}
}

// A call that is invalid on every system returns os.ErrInvalid on every system.
func TestWatchRefusesWhatIsInvalid(t *testing.T) {
	for what, watch := range map[string]func() (*bridge.Watcher, error){
		"descriptor -1": func() (*bridge.Watcher, error) { return bridge.Watch(-1, bridge.Readable) },
		"unknown bits":  func() (*bridge.Watcher, error) { return bridge.Watch(7, 1<<30) },
	} {
		if w, err := watch(); w != nil || !errors.Is(err, os.ErrInvalid) {
			t.Errorf("Watch of %s = %v, %v; want an error that matches os.ErrInvalid", what, w, err)
		}
	}
}
