package bridge_test

import (
	"fmt"
	"testing"

	"github.com/eventchan/eventchan/bridge"
)

// An error names the package, the call with its descriptor, and the cause.
func TestErrorTexts(t *testing.T) {
	p := newTube(t)
	w := mustWatch(t, p.r, bridge.Readable)
	closed := mustWatch(t, p.r, bridge.Readable)
	s, shut := mustSet[int](t), mustSet[int](t)
	closed.Close()
	shut.Close()
	watcher := fmt.Sprintf("bridge: Watcher(%d).", p.r)
	of := func(_ any, err error) error { return err }
	//lint:ignore SA1012 a nil ctx is the bad input under test
	_, nilWait := w.Wait(nil)
	//lint:ignore SA1012 a nil ctx is the bad input under test
	_, nilSetWait := s.Wait(nil, nil)
	_, shutWait := shut.Wait(background, nil)
	for want, err := range map[string]error{
		"bridge: Watch(-1): descriptor number out of range: invalid argument":               of(bridge.Watch(-1, 0)),
		fmt.Sprintf("bridge: Watch(%d): unknown event bits 0x400: invalid argument", p.r):   of(bridge.Watch(p.r, 1<<10)),
		watcher + "Wait: nil context: invalid argument":                                     nilWait,
		watcher + "Wait: file already closed":                                               of(closed.Wait(background)),
		watcher + "Change: unknown event bits 0x400: invalid argument":                      w.Change(1 << 10),
		watcher + "Rearm: file already closed":                                              closed.Rearm(),
		watcher + "Close: file already closed":                                              closed.Close(),
		"bridge: Set.Add(-1): descriptor number out of range: invalid argument":             s.Add(-1, 0, 0),
		fmt.Sprintf("bridge: Set.Add(%d): unknown event bits 0x400: invalid argument", p.r): s.Add(p.r, 1<<10, 0),
		fmt.Sprintf("bridge: Set.Change(%d): not in the set: file does not exist", p.r):     s.Change(p.r, 0),
		fmt.Sprintf("bridge: Set.Remove(%d): file already closed", p.r):                     shut.Remove(p.r),
		"bridge: Set.Wait: nil context: invalid argument":                                   nilSetWait,
		"bridge: Set.Wait: file already closed":                                             shutWait,
		"bridge: Set.Close: file already closed":                                            shut.Close(),
	} {
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}
