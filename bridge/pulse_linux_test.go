package bridge_test

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
)

// Setting the host's name, to what it is, is an event of this file. Like
// /proc/pressure and /proc/self/mountinfo it tells it to one poll only.
const pulsing = "/proc/sys/kernel/hostname"

func pulse(t *testing.T) {
	t.Helper()
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Sethostname([]byte(name)); err != nil {
		t.Skipf("this needs the right to set the host's name: %v", err)
	}
}

func TestPriorityOfFilesThatTellOnePollOnly(t *testing.T) {
	file, err := os.Open(pulsing)
	if err != nil {
		t.Skipf("this needs %s: %v", pulsing, err)
	}
	defer file.Close()
	fd := int(file.Fd())
	w, other := mustWatch(t, fd, bridge.Priority), mustWatch(t, fd, bridge.Priority)
	wantQuiet(t, w) // that it is readable is not what was asked
	for range 10 {
		pulse(t)
		for _, w := range []*bridge.Watcher{w, other} {
			if got := <-w.C(); got&bridge.Priority == 0 || got&bridge.Readable != 0 {
				t.Errorf("C gave %v, want Priority", got)
			}
			// One Wait sees it too, and then there is nothing more to see.
			if got, err := w.Wait(background); got&bridge.Priority == 0 || err != nil {
				t.Errorf("Wait = %v, %v; want Priority", got, err)
			}
		}
	}
	if got, err := w.Wait(dead(t)); err == nil {
		t.Errorf("Wait = %v, want it to wait", got)
	}
	wantQuiet(t, w)
}

func TestPulseWakesWhoWaits(t *testing.T) {
	file, err := os.Open(pulsing)
	if err != nil {
		t.Skipf("this needs %s: %v", pulsing, err)
	}
	defer file.Close()
	w := mustWatch(t, int(file.Fd()), bridge.Priority)
	got := make(chan bridge.Events)
	for range 100 {
		go func() {
			events, err := w.Wait(background)
			if err != nil {
				t.Error(err)
			}
			got <- events
		}()
		pulse(t)
		if events := <-got; events&bridge.Priority == 0 {
			t.Errorf("Wait = %v, want Priority", events)
		}
	}
}

func TestReadablePulsingFileIsReadable(t *testing.T) {
	file, err := os.Open(pulsing)
	if err != nil {
		t.Skipf("this needs %s: %v", pulsing, err)
	}
	defer file.Close()
	w := mustWatch(t, int(file.Fd()), bridge.Readable|bridge.Priority)
	wantEdge(t, w, bridge.Readable)
	wantWait(t, w, bridge.Readable)
}
